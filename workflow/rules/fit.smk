rule fit:
    input:
        record("ingest"),
    output:
        record("fit"),
    params:
        settings=plan.settings("fit"),
        version=VERSION,
    log:
        "logs/fit/{sub}_{ses}.log",
    group:
        "examination"
    priority: 1
    threads: 1
    resources:
        mem_mb=megabytes("fit"),
        runtime=minutes(4),
    shell:
        "exec > {log} 2>&1; qmri fit --exam {wildcards.sub}_{wildcards.ses} --results . --threads {threads}"
