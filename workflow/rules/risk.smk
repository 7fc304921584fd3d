# The one rule that opens the outcomes; a refusal is a record, as for an examination.
rule risk:
    input:
        "markers/vertebrae.csv",
        "markers/patients.csv",
    output:
        "risk/risk_record.json",
    params:
        tables=plan.risk_tables,
        settings=plan.settings("risk"),
        version=VERSION,
    log:
        "logs/risk.log",
    benchmark:
        "benchmarks/risk.tsv"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=minutes(5),
    shell:
        "qmri risk develop --results . > {log} 2>&1"
