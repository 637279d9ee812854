-- What a site's accounting would refuse: this Slurm runs without slurmdbd, which alone knows accounts and QOS.
local accounts = { physics = true, chemistry = true }

function slurm_job_submit(job, partitions, uid)
    if job.account and not accounts[job.account] then
        slurm.log_user("account '" .. job.account .. "' is not one of physics, chemistry")
        return slurm.ESLURM_INVALID_ACCOUNT
    end
    if job.qos and job.qos ~= "normal" then
        return 2066 -- ESLURM_INVALID_QOS, which slurm 22.05 gives Lua no name for
    end
    return slurm.SUCCESS
end

function slurm_job_modify(job, record, partitions, uid)
    return slurm.SUCCESS
end

return slurm.SUCCESS
