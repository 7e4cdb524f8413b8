"""An HTTP API for trained pipelines: a server that analyses the texts of several requests together, and a client."""
