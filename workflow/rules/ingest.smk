rule ingest:
    output:
        record("ingest"),
    params:
        source=of_examination(plan.source),
        settings=plan.settings("ingest"),
        version=VERSION,
    log:
        "logs/ingest/{sub}_{ses}.log",
    group:
        "examination"
    threads: 1
    resources:
        mem_mb=megabytes("ingest"),
        runtime=minutes(2),
    shell:
        "exec > {log} 2>&1; qmri ingest --exam {wildcards.sub}_{wildcards.ses} --results ."
