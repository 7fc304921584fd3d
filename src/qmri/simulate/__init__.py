"""The digital reference study: spines of known truth, written as a scanner would.

A tool beside the product: nothing in qmri imports it but the command ``qmri simulate``, which
`tests/test_architecture.py` holds. The tests, the benchmarks and the training of the network do; what the
training alone needs is in ``training/randomised``.
"""
