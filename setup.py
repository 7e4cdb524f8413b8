from setuptools import find_namespace_packages, setup

# configs/ is at the top of the repository, where projects and docs use it, and inside the package in an installation.
setup(
    packages=[*find_namespace_packages(include=["spacy_mre*"]), "spacy_mre.configs"],
    package_dir={"spacy_mre.configs": "configs"},
)
