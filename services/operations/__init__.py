"""
What a person may ask or order, as typed functions: the command line prints the answer, a page shows it.

Nothing here prints, prompts or ends a process; every refusal is an ``OperationError``. Functions block while they wait
for Kafka, Redis or iSAMS, so a server calls them in a thread. Who the operator is, the caller has made sure.
"""
