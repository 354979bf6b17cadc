"""The strategy `spacy`: words by one of spaCy's pipelines, numbered by a trained vocabulary."""
