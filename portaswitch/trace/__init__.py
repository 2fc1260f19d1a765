"""
The trace: what one account, number, SIM, session, NAS or peer did, in one time order, over all processes (docs/trace.rst).

`line`: the line and its form in a file; `masking`: what never gets into one; `watch`: whom detail is switched on for; `tracer`: writes the detail of a process;
`reading`: finds lines in the files again; `order`: puts lines of all sources into one order.
"""
