"""The kept results of one agent, as its engine in the session knows them: asked for piece by piece, or let go."""

from __future__ import annotations

import weakref
from collections.abc import Callable

from pilot_quantum.resource.agent.messages import Down, Fetch, KeepNoMore, LetGo, Piece
from pilot_quantum.resource.values.file import PIECE, Value
from pilot_quantum.resource.values.kept import Keeper, Kept, KeptReference, Key, decode
from pilot_quantum.resource.values.store import LARGE, Store

WINDOW = 4
"""Pieces that are asked for at the same time: enough to keep a line busy, and no more memory than that."""


class Fetching:
    """Everything is called on the loop's thread. tell: sends to the agent. store: makes room for what comes."""

    def __init__(self, keeper: Keeper, tell: Callable[[Down], None], store: Callable[[], Store]) -> None:
        self.used = False
        """Whether the agent was told to keep anything."""
        self._keeper = keeper
        self._tell = tell
        self._store = store
        self._there: weakref.WeakValueDictionary[Key, Kept] = weakref.WeakValueDictionary()
        self._coming: dict[Key, _Coming] = {}
        self._outstanding = 0
        self._leaving = ""
        """Why nothing may stay any more, if so."""
        self._waiting: list[Callable[[], None]] = []
        """Who is to be told that nothing is there any more."""
        self._kept_no_more = False
        """Whether the agent has said that nothing new stays."""

    @property
    def pending(self) -> bool:
        """Whether anything is there."""
        return any(not kept.settled for kept in self._there.values())

    def found(self, value: bytes) -> KeptReference:
        """A result has stayed there, of which these are the words. Raises ValueError."""
        kept = Kept(decode(value), self._keeper)
        self._there[kept.key] = kept
        if self._leaving:
            self._bring(kept)
        return kept.reference

    def ask(self, kept: Kept) -> None:
        """Have it sent."""
        if kept.settled or kept.key in self._coming:
            return
        if self._there.get(kept.key) is not kept:
            kept.lose("its agent is gone")
            return
        try:
            self._coming[kept.key] = _Coming(kept, self._store())
        except OSError as error:
            kept.lose(f"there is no room for it here: {error}")
            self._tell(LetGo([kept.key]))
        self._go_on()

    def take(self, piece: Piece) -> None:
        """A piece has come."""
        self._outstanding -= 1
        coming = self._coming.get((piece.task, piece.attempt))
        if coming is not None:
            try:
                if not piece.data:
                    self._settle(coming, "its agent does not have it")
                elif coming.append(piece.data):
                    self._settle(coming, "")
            except OSError as error:
                self._settle(coming, f"there is no room for it here: {error}")
        self._go_on()

    def let_go(self, key: Key) -> None:
        """Nobody wants it any more."""
        self._tell(LetGo([key]))

    def leave(self, why: str) -> None:
        """The allocation is about to end: have everything sent, also what is still found there."""
        self._leaving = why
        for kept in list(self._there.values()):
            self._bring(kept)

    def hand_over(self, done: Callable[[], None]) -> None:
        """The same, because we end it: `done()` when nothing is there any more, and nothing will be."""
        if not self.used:
            done()
            return
        self._waiting.append(done)
        if len(self._waiting) == 1:
            self._tell(KeepNoMore())
        self.leave("its pilot gives the nodes back")
        self._check()

    def kept_no_more(self) -> None:
        """The agent says that nothing new stays there."""
        self._kept_no_more = True
        self._check()

    def lose(self, cause: str) -> None:
        """The agent is gone, with all that it kept."""
        self.used = self._kept_no_more = False
        self._leaving, self._outstanding = "", 0
        self._coming.clear()
        for kept in list(self._there.values()):
            kept.lose(cause)
        self._there.clear()
        self._check()

    def _bring(self, kept: Kept) -> None:
        kept.why = kept.why or self._leaving
        self.ask(kept)

    def _go_on(self) -> None:
        for coming in list(self._coming.values()):
            while self._outstanding < WINDOW and coming.asked < coming.size:
                size = min(PIECE, coming.size - coming.asked)
                self._outstanding += 1
                self._tell(Fetch(*coming.kept.key, coming.asked, size))
                coming.asked += size
        self._check()

    def _settle(self, coming: _Coming, cause: str) -> None:
        kept = coming.kept
        del self._coming[kept.key], self._there[kept.key]
        self._tell(LetGo([kept.key]))
        if cause:
            kept.lose(cause)
        else:
            kept.arrive(coming.content())

    def _check(self) -> None:
        """Tell who waits for it that nothing is there any more. What the session has given up need not come."""
        self._coming = {key: coming for key, coming in self._coming.items() if not coming.kept.settled}
        if self._waiting and (not self.used or (self._kept_no_more and not self._coming)):
            waiting, self._waiting = self._waiting, []
            for done in waiting:
                done()


class _Coming:
    """A result on its way here, in the memory that tasks of this host share where it is large."""

    def __init__(self, kept: Kept, store: Store) -> None:
        self.kept = kept
        self.size = kept.words.size
        self.asked = 0
        self._store = store
        value = store.open(kept.words.digest, self.size) if self.size >= LARGE else None
        self._room: Value | bytearray = bytearray() if value is None else value

    def append(self, data: bytes) -> bool:
        """The next piece; whether that was the last. Raises OSError."""
        if isinstance(self._room, Value):
            return self._room.append(data)
        self._room += data
        return len(self._room) >= self.size

    def content(self) -> bytes:
        """All of it, or a reference to it."""
        return self._store.close(self._room) if isinstance(self._room, Value) else bytes(self._room)
