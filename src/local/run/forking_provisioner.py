"""How Jupyter gets a notebook's process from the parent that forks them."""

import os
import signal
from contextlib import suppress
from importlib.metadata import EntryPoint
from typing import Any

from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from local.run.forked_kernels import KernelParent

PROVISIONER = "lakehouse-fork"


class ForkingProvisioner(LocalProvisioner):
    """Starts a kernel by its manager's `kernel_parent`, or plainly where that fails."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Forks a kernel; see the class that this one extends."""
        parent: KernelParent | None = getattr(self.parent, "kernel_parent", None)
        log = getattr(kwargs.get("stdout"), "name", os.devnull)
        if parent is not None:
            with suppress(OSError):
                arguments = cmd[cmd.index("ipykernel_launcher") + 1 :]
                forked: Any = parent.fork(arguments, kwargs["env"], kwargs["cwd"], log)
                self.process, self.cwd = forked, kwargs["cwd"]
                self.pid = self.pgid = forked.pid
                return self.connection_info
        return await super().launch_kernel(cmd, **kwargs)

    async def send_signal(self, signum: int) -> None:
        """Sends a signal to the kernel, but no interrupt: nobody interrupts a cell of a run.

        Jupyter interrupts a kernel before it asks it to end. One that has only just ended its last cell takes that for
        an error, and now and then dies of it, in libzmq.
        """
        if signum != signal.SIGINT:
            await super().send_signal(signum)


def register_provisioner() -> None:
    """Makes the provisioner known to Jupyter in this process, by its name."""
    group = KernelProvisionerFactory.GROUP_NAME
    entry = EntryPoint(PROVISIONER, f"{__name__}:{ForkingProvisioner.__name__}", group)
    KernelProvisionerFactory.instance().provisioners.setdefault(PROVISIONER, entry)
