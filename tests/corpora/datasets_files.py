"""Files as the library `datasets` writes them: Arrow streams with the features in the metadata of the schema."""

import json


def value(dtype):
    return {"dtype": dtype, "_type": "Value"}


def classes(*names):
    return {"names": [*names], "_type": "ClassLabel"}


def listed(feature, kind="List"):
    return {"feature": feature, "_type": kind}


def make_table(columns, types, features=None):
    import pyarrow as pa

    metadata = {"huggingface": json.dumps({"info": {"features": features}})} if features else None
    schema = pa.schema([(name, types[name]) for name in columns], metadata=metadata)
    return pa.table(columns, schema=schema)


def save(table, folder, features, n_shards=1):
    """What `Dataset.save_to_disk` writes."""
    import pyarrow as pa

    folder.mkdir(parents=True, exist_ok=True)
    names = [f"data-{i:05d}-of-{n_shards:05d}.arrow" for i in range(n_shards)]
    size = -(-len(table) // n_shards)
    for i, name in enumerate(names):
        with pa.OSFile(str(folder / name), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
            writer.write_table(table.slice(i * size, size))
    info = {"citation": "", "description": "", "features": features, "homepage": "", "license": ""}
    (folder / "dataset_info.json").write_text(json.dumps(info, indent=2))
    state = {
        "_data_files": [{"filename": name} for name in names],
        "_fingerprint": "1520e10c325a07a7",
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    (folder / "state.json").write_text(json.dumps(state, indent=2))
    return folder
