"""A small spaCy pipeline, laid out as an installed Python package is."""

from __future__ import annotations

import json
from pathlib import Path

NAME = "en_tiny_words"
TAGGED = [
    ("the films were moving", ["DT", "NN", "VB", "JJ"]),
    ("she films dogs", ["PR", "VB", "NN"]),
    ("a dull story", ["DT", "JJ", "NN"]),
]
PARTS = {"DT": "DET", "NN": "NOUN", "VB": "VERB", "JJ": "ADJ", "PR": "PRON"}


def install(folder: Path, version: str = "1.0.0", lemmas: bool = True) -> Path:
    """Lay a pipeline with a network, rules and lemmas by them out in a folder of packages.

    Args:
        folder: What `sys.path` names.
        version: The pipeline's version.
        lemmas: Whether it has a lemmatizer.

    Returns:
        The package's folder; importing it is an error, since nobody needs to.
    """
    import spacy
    from spacy.training import Example
    from spacy.util import fix_random_seed

    fix_random_seed(0)
    nlp = spacy.blank("en")
    tok2vec = {"@architectures": "spacy.HashEmbedCNN.v2", "width": 16, "depth": 2, "embed_size": 64,
               "window_size": 1, "maxout_pieces": 2, "subword_features": True,
               "pretrained_vectors": None}  # fmt: skip
    model = {"@architectures": "spacy.Tagger.v2", "tok2vec": tok2vec}
    nlp.add_pipe("tagger", config={"model": model})
    ruler = nlp.add_pipe("attribute_ruler")
    if lemmas:
        nlp.add_pipe("lemmatizer", config={"mode": "rule"})
    examples = [Example.from_dict(nlp.make_doc(t), {"tags": tags}) for t, tags in TAGGED]
    optimizer = nlp.initialize(lambda: examples)
    for _ in range(20):
        nlp.update(examples, sgd=optimizer)
    for tag, part in PARTS.items():
        ruler.add([[{"TAG": tag}]], {"POS": part})
    nlp.meta.update(name=NAME.removeprefix("en_"), version=version)
    package = folder / NAME
    package.mkdir(parents=True)
    nlp.to_disk(package / f"{NAME}-{version}")
    (package / "meta.json").write_text(json.dumps(nlp.meta))
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    return package
