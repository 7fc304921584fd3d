rule report:
    input:
        record("measure"),
    output:
        record("report"),
    params:
        settings=plan.settings("report"),
        sessions=of_examination(plan.sessions),
        version=VERSION,
    log:
        "logs/report/{sub}_{ses}.log",
    group:
        "examination"
    priority: 4
    threads: 1
    resources:
        mem_mb=megabytes("report"),
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


# Change over the sessions of a participant. It depends on their own records and on what readers said of them, not on
# the whole of changes.csv, which each other examination changes.
rule participant_page:
    input:
        of_participant(lambda subject: plan.session_files(subject, "measure", "measure.json")),
        ancient("markers/changes.csv"),
    output:
        report(
            "report/participants/{sub}.html",
            caption="../report/participant_page.rst",
            category="Participants",
            labels={"participant": "{sub}"},
        ),
    params:
        participant=of_participant(plan.participant),
        verdicts=of_participant(plan.verdicts),
        orders=of_participant(plan.given_orders),
        settings=plan.settings("report"),
        version=VERSION,
    log:
        "logs/participant_page/{sub}.log",
    threads: 1
    resources:
        mem_mb=1000,
        runtime=minutes(2),
    shell:
        "qmri report --participant {params.participant} --results . > {log} 2>&1"
