from .app import app
from .compile_assets import compile_assets_cli  # noqa: F401
from .convert import convert_cli  # noqa: F401
from .evaluate import evaluate_cli  # noqa: F401
from .export import export_cli  # noqa: F401
from .fetch import fetch_cli  # noqa: F401
from .few_shot import few_shot_cli  # noqa: F401
from .page import page_cli  # noqa: F401
from .reinforce import reinforce_cli  # noqa: F401
from .stats import stats_cli  # noqa: F401
from .strings import strings_cli  # noqa: F401
from .train_generative import train_generative_cli  # noqa: F401
from .try_package import try_package_cli  # noqa: F401

__all__ = ["app"]
