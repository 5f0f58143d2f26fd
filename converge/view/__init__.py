"""What a pod is, what it should be, and the plan between them, from an observation of whatever source. Pure.

look      an observation and a document -> the plan; the kernel's looks and the recorded ones go through the same lines
snapshot  an observation <-> a YAML document, for git
offline   documents and snapshots -> plans
proposal  two revisions of documents and snapshots -> what the change between them does
"""
