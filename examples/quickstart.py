"""Record a folder, change it, compare, and read the first version back. No account, no server.

python quickstart.py
"""

import tempfile
from pathlib import Path

import landfast

work = Path(tempfile.mkdtemp(prefix="quickstart-"))
data = work / "data"
data.mkdir()
(data / "a.csv").write_text("1,2\n")
(data / "b.csv").write_text("3,4\n")

# A run: what it uses and logs leaves edges in the lineage.
with landfast.init(project="quickstart", job_type="train") as run:
    points = landfast.Artifact("points", type="dataset", metadata={"source": "by hand"})
    points.add_reference(data)  # reads the files once, copies nothing
    run.use_artifact(points)  # logs them if they changed, and marks them as input

    model = landfast.Artifact("model", type="model")
    with model.new_file("weights.txt") as file:  # kept in the registry's store
        file.write("0.1 0.2\n")
    trained = run.log_artifact(model, aliases=["candidate"])

# A client does the same without a run.
client = landfast.Client(project="quickstart")
first = client.get("points")
print(f"recorded {first.name}: {first.file_count} files, {first.digest[:12]}")

again = client.log("points", data)
print(f"again: still {again.version}, created: {again.created}")

(data / "c.csv").write_text("5,6\n")
second = client.log("points", data)
for row in client.diff(first, second).rows():
    if row.kind != "unchanged":
        print(f"{second.name}: {row.kind} {row.path}")

print(f"{trained.name} was made from {[str(name) for name in trained.lineage().upstream]}")
print(f"{first.name} now: {first.verify().summary}")

folder = first.download(work / "copy")
print("downloaded:", sorted(path.name for path in Path(folder).glob("*.csv")))
