rule measure:
    input:
        record("segment"),
    output:
        record("measure"),
    params:
        fractures=of_examination(plan.fractures),
        settings=plan.settings("measure"),
        version=VERSION,
    log:
        "logs/measure/{sub}_{ses}.log",
    group:
        "examination"
    priority: 3
    threads: 1
    resources:
        mem_mb=megabytes("measure"),
        runtime=minutes(1),
    shell:
        "exec > {log} 2>&1; qmri measure --exam {wildcards.sub}_{wildcards.ses} --results ."


rule collect:
    input:
        plan.exam_files("measure", "measure.json"),
    output:
        report(
            "markers/vertebrae.csv",
            caption="../report/vertebrae.rst",
            category="Tables",
            labels={"table": "vertebrae"},
        ),
        "markers/vertebrae.json",
        report(
            "markers/patients.csv",
            caption="../report/patients.rst",
            category="Tables",
            labels={"table": "patients"},
        ),
        "markers/patients.json",
        report(
            "markers/discs.csv",
            caption="../report/discs.rst",
            category="Tables",
            labels={"table": "discs"},
        ),
        "markers/discs.json",
        report(
            "markers/muscles.csv",
            caption="../report/muscles.rst",
            category="Tables",
            labels={"table": "muscles"},
        ),
        "markers/muscles.json",
        report(
            "markers/flags.csv",
            caption="../report/flags.rst",
            category="Tables",
            labels={"table": "flags"},
        ),
        "markers/flags.json",
        report(
            "markers/changes.csv",
            caption="../report/changes.rst",
            category="Tables",
            labels={"table": "changes"},
        ),
        "markers/changes.json",
    params:
        orders=plan.given_orders(),
        version=VERSION,
    log:
        "logs/collect.log",
    shell:
        "qmri measure --collect --results . > {log} 2>&1"
