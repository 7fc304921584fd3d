rule report:
    input:
        record("ingest"),
        record("fit"),
        record("segment"),
        record("measure"),
    output:
        record("report"),
    params:
        settings=plan.settings("report"),
        version=VERSION,
    log:
        "logs/report/{sub}_{ses}.log",
    benchmark:
        "benchmarks/report/{sub}_{ses}.tsv"
    group:
        "examination"
    priority: 4
    threads: 1
    resources:
        mem_mb=megabytes(1000),
        runtime=minutes(1),
    shell:
        "exec > {log} 2>&1; qmri report --exam {wildcards.sub}_{wildcards.ses} --results ."


rule study_page:
    input:
        "markers/vertebrae.csv",
        "markers/patients.csv",
        plan.exam_files("report", "report.json"),
    output:
        report(
            "report/index.html",
            caption="../report/study_page.rst",
            category="Study",
            labels={"page": "all examinations"},
        ),
    params:
        settings=plan.settings("report"),
        version=VERSION,
    log:
        "logs/study_page.log",
    shell:
        "qmri report --study-page --results . > {log} 2>&1"
