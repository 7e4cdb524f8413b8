"""How translation models name languages: by a token of their vocabulary."""

from collections.abc import Container

# Of the Flores benchmark, which NLLB uses. The standard form and the script that texts of the language mostly have.
FLORES = {
    "ar": "arb_Arab",
    "bg": "bul_Cyrl",
    "ca": "cat_Latn",
    "cs": "ces_Latn",
    "da": "dan_Latn",
    "de": "deu_Latn",
    "el": "ell_Grek",
    "en": "eng_Latn",
    "es": "spa_Latn",
    "et": "est_Latn",
    "fa": "pes_Arab",
    "fi": "fin_Latn",
    "fr": "fra_Latn",
    "he": "heb_Hebr",
    "hi": "hin_Deva",
    "hr": "hrv_Latn",
    "hu": "hun_Latn",
    "id": "ind_Latn",
    "it": "ita_Latn",
    "ja": "jpn_Jpan",
    "ko": "kor_Hang",
    "lt": "lit_Latn",
    "lv": "lvs_Latn",
    "mk": "mkd_Cyrl",
    "ms": "zsm_Latn",
    "nb": "nob_Latn",
    "nl": "nld_Latn",
    "pl": "pol_Latn",
    "pt": "por_Latn",
    "ro": "ron_Latn",
    "ru": "rus_Cyrl",
    "sk": "slk_Latn",
    "sl": "slv_Latn",
    "sr": "srp_Cyrl",
    "sv": "swe_Latn",
    "th": "tha_Thai",
    "tr": "tur_Latn",
    "uk": "ukr_Cyrl",
    "vi": "vie_Latn",
    "zh": "zho_Hans",
}


def find_token(lang: str, vocabulary: Container[str]) -> str | None:
    """Find the token of a language: as NLLB, M2M100 and mBART-50 write it.

    lang (str): The language: "ja".
    vocabulary (Container[str]): All tokens of the model.
    RETURNS (Optional[str]): Its token; None if it has none.

    >>> find_token("ja", {"__en__", "__ja__"}), find_token("ja", {"eng_Latn", "jpn_Jpan"})
    ('__ja__', 'jpn_Jpan')
    """
    tokens = [FLORES.get(lang, lang), f"__{lang}__", f"{lang}_XX"]
    if lang == "zh":
        tokens.append("zh_CN")
    return next((token for token in tokens if token in vocabulary), None)


def find_prefix(lang: str, vocabulary: Container[str]) -> str | None:
    """Find what tells a model the language to translate into, before the text: as OPUS-MT and MADLAD write it.

    lang (str): The language: "ja".
    vocabulary (Container[str]): All tokens of the model.
    RETURNS (Optional[str]): The token; None if it has none.

    >>> find_prefix("ja", {"<2ja>"}), find_prefix("ja", {">>jpn<<"})
    ('<2ja>', '>>jpn<<')
    """
    tokens = [f"<2{lang}>", f">>{FLORES.get(lang, lang).partition('_')[0]}<<", f">>{lang}<<"]
    return next((token for token in tokens if token in vocabulary), None)
