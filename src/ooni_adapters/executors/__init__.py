"""Ways to spread work: this process, several local processes, or a Dask cluster.

All have one face: ``map(work, tasks)`` gives the results in the order of the tasks, asks for tasks only a little ahead
of what is being worked on, and tries a task again elsewhere when the process that had it died. Work must therefore
have no effect but its result.
"""
