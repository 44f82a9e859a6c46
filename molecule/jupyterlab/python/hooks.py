"""What a lab's administrator says in Python: notebooks are saved without their outputs."""
# pylint: disable=undefined-variable  # Jupyter defines c


def without_outputs(model, **context):
    for cell in model["content"]["cells"] if model["type"] == "notebook" else []:
        if cell["cell_type"] == "code":
            cell["outputs"], cell["execution_count"] = [], None


c.FileContentsManager.pre_save_hook = without_outputs
