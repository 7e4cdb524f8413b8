"""Numbered error and warning texts, after spaCy's habit.

Every text says what happened, where, and what to do about it. Raise them as `ValueError(Errors.M101.format(...))` and warn with
`warnings.warn(Warnings.W101.format(...))`; the code is put in front by the metaclass.
"""


class _WithCodes(type):
    def __getattribute__(cls, code):
        text = super().__getattribute__(code)
        return text if code.startswith("_") else f"[{code}] {text}"


class Errors(metaclass=_WithCodes):
    # 1xx: the relation store, alignment, entities on the Doc
    M101 = "A relation lacks {missing}: {relation}. Make relations with spacy_mre.make_relation(head, tail, label)."
    M102 = (
        "The relation '{label}' points to the tokens {start} to {end}, outside a document of {length} tokens. Has a component retokenised "
        "the document after the relations were written? Put such components before the encoder."
    )
    M103 = "doc._.triples is a view and cannot be set. Write relations to doc._.relations."

    # 2xx: corpora, converters, mark-up
    M201 = "{path}, line {line}: {reason}"
    M202 = "{path}: {reason}"
    M203 = (
        "The conversion would lose {count} annotations, and it is to be strict: {reasons}. Nothing was written. Convert without --strict to "
        "go on without them."
    )
    M204 = "{origin}: the tokens of a record must follow one another inside its text, but {start} to {end} does not."
    M205 = "There is no split rule '{name}'. Choose one of: {names}."
    M206 = "The split rule 'number' needs ids that end in a hyphen and a number, but {origin} has the id '{id}'."
    M207 = (
        "The data set '{name}' is neither in {place} nor in MRE_DATA ({source}). Download it with: python -m spacy project assets --extra, or set "
        "MRE_DATA to a folder of data sets."
    )

    # 3xx: pipeline components and models
    M301 = "'{value}' is no value of '{setting}'. Possible: {allowed}."
    M302 = (
        "The encoder listens to the transformer '{upstream}', but none is initialised before it. Put the 'transformer' component in front of "
        "this one in nlp.pipeline, or name it in the encoder's 'upstream'."
    )
    M303 = (
        "A document has no output of the shared encoder (upstream: '{upstream}'). The encoder must run before this component: is it disabled or "
        "behind it? In training, list it in annotating_components if this component is listed there."
    )
    M304 = (
        "The encoder saw {encoded} tokens, but the document has {tokens} ('{text}...'). A component between the encoder and this one retokenises; "
        "put it before the encoder, or leave it out."
    )
    M305 = "This model has no training step of its own: train it through its component's update()."
    M306 = (
        "'{name}' found nothing to learn: the training data has no labels for it. Entities are read from doc.spans['{key}'] or doc.ents, relations "
        "from doc._.relations. Were the relations lost on saving? Save with spacy_mre.save_docs, or DocBin(store_user_data=True)."
    )
    M307 = (
        "'{last}' is frozen, and it is the last component that listens to '{encoder}', so the encoder would silently get no update at all. "
        "Move it in front of a component that is trained, freeze '{encoder}' too, or (over a tok2vec) replace its listener with "
        "[components.{last}] replace_listeners."
    )
    M308 = (
        "'{name}' retokenises behind the encoder '{encoder}': that leaves vectors, spans and relations stale. Put it before the encoder, "
        "or leave it out."
    )
    M309 = (
        "Labels are set together: give them to initialize(labels=...), in the form of label_data, or have them read from the training data."
    )
    M310 = "The component '{name}' is not initialised: call nlp.initialize(get_examples), or load a trained pipeline."
    M311 = (
        "'{name}' needs at least two labels where classes are exclusive, and one where multi_label = true; found: {labels}. Gold is read from "
        "doc.cats."
    )
    M312 = "A document has several labels ({labels}), but the classes of '{name}' are exclusive: '{text}...'. Set multi_label = true, or mend the data."

    # 4xx: training: reader, optimiser, batches
    M401 = "The corpus reader has no path. Set [paths] in the config, or give --paths.train and --paths.dev on the command line."
    M402 = "No .spacy file at '{path}'. Make one with: python -m spacy_mre convert."

    # 5xx: evaluation
    M501 = (
        "Gold and prediction are different texts, not only in white space: '{gold}' and '{predicted}'. Make the predicted document of the "
        "gold text, as spacy_mre.training.corpus.Corpus does."
    )
    M502 = (
        "No component of this pipeline can take given entities: {names}. A component that can has 'entities' in its cfg, as spert_mt has. "
        "Evaluate without --gold-entities."
    )

    # 6xx: pictures
    M601 = (
        "This is no table of display names: {found}. Expected {{'entities': {{'person': {{'en': 'person', 'ja': '人物'}}}}, "
        "'relations': ..., 'cats': ...}}; every part may be missing."
    )
    M602 = "{path}: texts are read from .txt (one per line), .jsonl (a field 'text' in every line) and .spacy, not from '{suffix}'."
    M603 = "{path}, line {line}: expected a JSON object with a string 'text', found {found}."
    M604 = "{path} holds no JSON: {reason}."

    # 7xx: command line


class Warnings(metaclass=_WithCodes):
    # 1xx: the relation store, alignment, entities on the Doc

    # 2xx: corpora, converters, mark-up

    # 3xx: pipeline components and models
    W301 = "'{name}' cannot learn all of the {total} mentions in the training data: {losses}. They count as missed in scores."
    W302 = (
        "'{name}' left out {count} {what}. Later ones are only counted, in the component's left_out. See pairs_per_token and max_distance, and the "
        "encoder's window."
    )

    # 4xx: training: reader, optimiser, batches
    W401 = "{path}: a document longer than max_length was cut ('{text}...'); lost: {reasons}."

    # 5xx: evaluation
    W501 = (
        "Some gold entities cannot be given to the pipeline on its own tokens, and their relations count as missed: {lost}. Evaluate with "
        "--tokens gold to give them all."
    )
    W502 = "{count} of {total} documents have no gold for entities and are left out of the evaluation with given entities."
    W503 = "The gazetteer of the baseline left out what no token span can hold: {lost}."

    # 6xx: pictures

    # 7xx: command line
    pass
