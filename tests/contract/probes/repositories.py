"""Small git repositories of test lists in a folder."""

from datetime import UTC, datetime

from dulwich import porcelain
from dulwich.repo import Repo

HEADER = "url,category_code,category_description,date_added,source,notes\n"
WORLD = (
    HEADER
    + "".join(f"https://{n}.world.example/,NEWS,News Media,2023-04-12,OONI,\n" for n in range(30))
    + 'https://quoted.example/,MISC,Miscellaneous content,2023-04-12,"a, b",\n'
)
ITALY = HEADER + "".join(
    f"https://{n}.it.example/,HUMR,Human Rights Issues,2023-04-12,OONI,note {n}\n" for n in range(5)
)
AMERICA = HEADER + "https://us.example/,NEWS,News Media,2023-04-12,,\n"
LISTS = {
    "global": WORLD,
    "it": ITALY,
    "us": AMERICA,
    "cis": HEADER + "https://cis.example/,NEWS,News Media,2023-04-12,,\n",
}
WHO = b"Somebody <somebody@example.org>"


def make_origin(folder, lists=None):
    """Make a bare repository of lists and return it."""
    work = folder / "work"
    work.mkdir()
    porcelain.init(str(work))
    write(folder, lists or LISTS, "first")
    repo = Repo(str(work))
    repo.refs.set_symbolic_ref(b"HEAD", b"refs/heads/master")
    bare = porcelain.clone(str(work), str(folder / "origin.git"), bare=True, errstream=porcelain.NoneStream())
    bare.refs[b"refs/heads/master"] = repo.head()
    repo.close()
    bare.close()
    return f"file://{folder}/origin.git"


def write(folder, lists, message):
    """Write lists into the working folder and commit."""
    (folder / "work" / "lists").mkdir(exist_ok=True)
    for name, text in lists.items():
        (folder / "work" / "lists" / f"{name}.csv").write_text(text)
    porcelain.add(str(folder / "work"), [str(folder / "work" / "lists" / f"{name}.csv") for name in lists])
    return porcelain.commit(str(folder / "work"), message=message.encode(), author=WHO, committer=WHO)


def publish(folder, lists, message="more"):
    """Change lists at the origin."""
    write(folder, lists, message)
    with Repo(str(folder / "work")) as work, Repo(str(folder / "origin.git")) as origin:
        work.fetch(origin)
        origin.refs[b"refs/heads/master"] = work.head()


def branch(folder, name):
    """Return messages and files of a branch at the origin, newest first; None when there is none."""
    with Repo(str(folder / "origin.git")) as repo:
        ref = f"refs/heads/{name}".encode()
        if ref not in repo.refs:
            return None
        commits = [entry.commit for entry in repo.get_walker(include=[repo.refs[ref]])]
        tree = repo[repo[commits[0].tree][b"lists"][1]]
        files = {entry.path.decode(): repo[entry.sha].data.decode() for entry in tree.items()}
        return [(c.message.decode().strip(), c.author.decode()) for c in commits], files


def merge(folder, name):
    """Let the origin's master be a branch, as if it had been merged."""
    with Repo(str(folder / "origin.git")) as repo:
        repo.refs[b"refs/heads/master"] = repo.refs[f"refs/heads/{name}".encode()]


NOW = datetime(2026, 11, 23, tzinfo=UTC)
