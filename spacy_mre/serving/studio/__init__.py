"""A local web app: a person looks at what a pipeline found, corrects it and saves gold, and the pipeline learns."""
