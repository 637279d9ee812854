"""All SQL of the journal: the tables, what the writer inserts and what the readers select.

State changes of tasks are by far the most rows (four or more a task), so they are stored in chunks of some
thousands: a JSON array of arrays in `task_chunk.events`. The view `task_event` shows them as ordinary rows,
with names and wall time, to anybody with a SQLite shell. docs/decisions/0004-journal.md says why.
"""

from __future__ import annotations

JOURNAL_NAME = "journal.sqlite"
SCHEMA_VERSION = 2
ALLOCATIONS_SINCE = 2  # the version with the table `allocation_event`

PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = NORMAL",  # a commit survives the process; a checkpoint, a power cut
)

TABLES = (
    """
    CREATE TABLE session (              -- facts about the session, one a row
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    )""",
    """
    CREATE TABLE task_group (           -- one queue of like tasks
        id INTEGER PRIMARY KEY,
        mono REAL NOT NULL,             -- seconds of the session host's monotonic clock
        wall REAL NOT NULL,             -- seconds since 1970-01-01 UTC
        name TEXT NOT NULL,
        function TEXT NOT NULL,
        needs TEXT NOT NULL,
        priority INTEGER NOT NULL,
        coupling TEXT NOT NULL
    )""",
    """
    CREATE TABLE task_chunk (           -- read it through the view task_event
        id INTEGER PRIMARY KEY,
        rows INTEGER NOT NULL,
        wall_offset REAL NOT NULL,      -- wall = mono + wall_offset
        events TEXT NOT NULL            -- [[mono, task, state, attempt, group, pilot, worker, cause], ...]
    )""",
    """
    CREATE TABLE pilot_event (
        id INTEGER PRIMARY KEY,
        mono REAL NOT NULL,
        wall REAL NOT NULL,
        pilot TEXT NOT NULL,
        state TEXT NOT NULL,
        cause TEXT NOT NULL,
        description TEXT NOT NULL
    )""",
    """
    CREATE TABLE worker_event (
        id INTEGER PRIMARY KEY,
        mono REAL NOT NULL,
        wall REAL NOT NULL,
        pilot TEXT NOT NULL,
        worker TEXT NOT NULL,
        state TEXT NOT NULL,            -- up, lost or ended
        pid INTEGER NOT NULL,
        cause TEXT NOT NULL
    )""",
    """
    CREATE TABLE allocation_event (     -- what a pilot's jobs and hosts have come to
        id INTEGER PRIMARY KEY,
        mono REAL NOT NULL,
        wall REAL NOT NULL,
        pilot TEXT NOT NULL,
        allocation TEXT NOT NULL,
        state TEXT NOT NULL,            -- submitted, pending, starting, running, draining, completing, ended or unknown
        nodes INTEGER NOT NULL,         -- asked for
        cause TEXT NOT NULL             -- in the batch system's words, or ours
    )""",
    """
    CREATE TABLE decision (
        id INTEGER PRIMARY KEY,
        mono REAL NOT NULL,
        wall REAL NOT NULL,
        subject TEXT NOT NULL,
        decision TEXT NOT NULL,
        reason TEXT NOT NULL
    )""",
    """
    CREATE VIEW task_event AS           -- one row per state change of a task, in the order of writing
    SELECT
        chunk.id AS chunk,
        event.key AS position,
        json_extract(event.value, '$[0]') AS mono,
        json_extract(event.value, '$[0]') + chunk.wall_offset AS wall,
        json_extract(event.value, '$[1]') AS task,
        json_extract(event.value, '$[2]') AS state,
        json_extract(event.value, '$[3]') AS attempt,
        json_extract(event.value, '$[4]') AS task_group,
        json_extract(event.value, '$[5]') AS pilot,
        json_extract(event.value, '$[6]') AS worker,
        json_extract(event.value, '$[7]') AS cause
    FROM task_chunk AS chunk, json_each(chunk.events) AS event
    """,
    f"PRAGMA user_version = {SCHEMA_VERSION}",
)

INSERT_SESSION = "INSERT OR REPLACE INTO session (key, value) VALUES (?, ?)"
INSERT_GROUP = (
    "INSERT OR REPLACE INTO task_group (mono, wall, id, name, function, needs, priority, coupling)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
INSERT_CHUNK = "INSERT INTO task_chunk (rows, wall_offset, events) VALUES (?, ?, CAST(? AS TEXT))"
INSERT_PILOT = "INSERT INTO pilot_event (mono, wall, pilot, state, cause, description) VALUES (?, ?, ?, ?, ?, ?)"
INSERT_WORKER = "INSERT INTO worker_event (mono, wall, pilot, worker, state, pid, cause) VALUES (?, ?, ?, ?, ?, ?, ?)"
INSERT_ALLOCATION = (
    "INSERT INTO allocation_event (mono, wall, pilot, allocation, state, nodes, cause) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
INSERT_DECISION = "INSERT INTO decision (mono, wall, subject, decision, reason) VALUES (?, ?, ?, ?, ?)"

SELECT_VERSION = "PRAGMA user_version"
SELECT_TABLES = "SELECT count(*) FROM sqlite_master WHERE name IN ('session', 'task_chunk', 'pilot_event')"
SELECT_SESSION = "SELECT key, value FROM session ORDER BY key"
SELECT_GROUPS = "SELECT id, name, function, needs, priority, coupling FROM task_group ORDER BY id"
SELECT_CHUNKS = "SELECT CAST(events AS BLOB) FROM task_chunk ORDER BY id"
SELECT_PILOTS = "SELECT mono, wall, pilot, state, cause, description FROM pilot_event ORDER BY id"
SELECT_WORKERS = "SELECT mono, wall, pilot, worker, state, pid, cause FROM worker_event ORDER BY id"
SELECT_ALLOCATIONS = "SELECT mono, wall, pilot, allocation, state, nodes, cause FROM allocation_event ORDER BY id"
SELECT_DECISIONS = "SELECT mono, wall, subject, decision, reason FROM decision ORDER BY id"
