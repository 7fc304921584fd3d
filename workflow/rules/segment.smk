rule segment:
    input:
        record("fit"),
    output:
        record("segment"),
    params:
        anchors=of_examination(plan.anchors),
        settings=plan.settings("segment"),
        version=VERSION,
    log:
        "logs/segment/{sub}_{ses}.log",
    group:
        "examination"
    priority: 2
    threads: 1
    resources:
        mem_mb=megabytes("segment"),
        runtime=minutes(plan.segment_minutes),
    shell:
        "exec > {log} 2>&1; qmri segment --exam {wildcards.sub}_{wildcards.ses} --results ."
