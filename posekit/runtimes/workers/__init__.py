"""Where work is done: in this process, in worker processes of this machine, or on the workers of a Dask cluster."""

from posekit.runtimes.workers.work import ATTEMPTS, Spread, Work, installed

__all__ = ["ATTEMPTS", "Spread", "Work", "installed"]
