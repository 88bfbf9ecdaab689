"""The scripts that OMERO.web and OMERO.insight show: thin, they hand over to the agent.

OMERO keeps a script as one file and runs it with the Python of its server. So each is written with the
standard library and omero-py only, in the syntax of Python 3.9; what they share is in ``agent_call``, and
``operations/official_scripts.py`` puts it in the place of the import when they are installed.
"""
