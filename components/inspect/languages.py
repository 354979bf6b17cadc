"""Which language a text is in: its script, then its stop words.

Identifiers with trained models were looked at and left out: py3langid unpickles its model and its
current releases need numpy 2, langdetect draws lots, lingua weighs 100 MB, fastText's model is
CC-BY-SA. To know in which language most of a file is written, a table of frequent words is enough;
a text that holds none of them is called undetermined, not guessed at.
"""

# ruff: noqa: RUF001 - other scripts' letters are meant

from __future__ import annotations

import bisect
import collections
import functools
import re

EXCERPT = 400
"""Characters that are looked at."""
NO_LETTERS = "no letters"

_WORD = re.compile(r"[^\W\d_]+")
# First character of a block and its script, "" for what says nothing (digits, signs, emoji).
# https://www.unicode.org/Public/UCD/latest/ucd/Scripts.txt, as blocks.
_BLOCKS = (
    (0x0000, "Latin"), (0x0250, "Latin"), (0x0300, ""), (0x0370, "Greek"), (0x0400, "Cyrillic"),
    (0x0530, "Armenian"), (0x0590, "Hebrew"), (0x0600, "Arabic"), (0x0700, ""), (0x0750, "Arabic"),
    (0x0780, ""), (0x0900, "Devanagari"), (0x0980, "Bengali"), (0x0A00, "Gurmukhi"),
    (0x0A80, "Gujarati"), (0x0B00, "Odia"), (0x0B80, "Tamil"), (0x0C00, "Telugu"),
    (0x0C80, "Kannada"), (0x0D00, "Malayalam"), (0x0D80, "Sinhala"), (0x0E00, "Thai"),
    (0x0E80, "Lao"), (0x0F00, "Tibetan"), (0x1000, "Burmese"), (0x10A0, "Georgian"),
    (0x1100, "Hangul"), (0x1200, "Ethiopic"), (0x13A0, ""), (0x1780, "Khmer"), (0x1800, ""),
    (0x1E00, "Latin"), (0x1F00, "Greek"), (0x2000, ""), (0x3040, "Kana"), (0x3100, ""),
    (0x3400, "Han"), (0xA000, ""), (0xAC00, "Hangul"), (0xD7B0, ""), (0xF900, "Han"),
    (0xFB00, ""), (0xFB50, "Arabic"), (0xFE00, ""), (0xFE70, "Arabic"), (0xFEFF, ""),
    (0xFF21, "Latin"), (0xFF66, "Kana"), (0xFFA0, ""), (0x20000, "Han"), (0x40000, ""),
)  # fmt: skip
_STARTS = [start for start, _ in _BLOCKS]
_OF_SCRIPT = {
    "Greek": "Greek", "Armenian": "Armenian", "Hebrew": "Hebrew", "Devanagari": "Hindi",
    "Han": "Chinese", "Kana": "Japanese", "Hangul": "Korean", "Burmese": "Burmese",
    "Ethiopic": "Amharic", "Gurmukhi": "Punjabi",
}  # fmt: skip
_ARABIC_LETTERS = (("Urdu", "ٹڈڑےں"), ("Persian", "پچژگ"))

_STOP_WORDS = {
    "English": "the and of to in is that it was for with on this but are not have be you they",
    "French": "le la les des et est un une du que qui dans pour pas ce il elle sur au avec ne je",
    "German": "der die das und ist nicht ein eine zu den mit von auf für im dem auch sich es ich",
    "Spanish": "el la los las de que y es en un una no por con para su se lo del al muy como",
    "Italian": "il lo la gli di che è e un una non per con del della sono si questo più anche",
    "Portuguese": "o os as de que e é um uma não em por com para do da no na muito mais ao",
    "Dutch": "de het een en van is dat niet te in op voor met zijn die er ook maar deze ik",
    "Swedish": "och att det är som en ett på för av med den inte han jag men var till har om",
    "Danish": "og at det er en et på for af med den ikke han jeg men var til har ikke der",
    "Norwegian": "og at det er en et på for av med den ikke han jeg men var til har ikke som",
    "Finnish": "ja on ei että se hän oli mutta kun niin myös joka ovat tämä minä sen olla kuin",
    "Polish": "i w nie na się jest to że do z jak ale za od po tak o przez tego jego był",
    "Czech": "a je se na že v to s z do i o jako ale by jsem za tak jsou byl pro není",
    "Romanian": "și de la în un o nu este pe cu care mai din că pentru sunt fi ca am dar",
    "Hungarian": "a az és hogy nem is egy volt de meg csak ez már mint még van ha el azt",
    "Turkish": "ve bir bu da de için çok ne ile gibi daha ama olarak değil var ben o mi kadar",
    "Indonesian": "yang dan di ini itu dengan untuk dari tidak pada ada adalah saya ke akan juga",
    "Vietnamese": "và của là có không một cho được những trong với này các đã người khi rất",
    "Russian": "и в не на что я с он как это по но из у за так же от был все её его было",
    "Ukrainian": "і в не на що я з він як це по але із у за так же від був все її його було",
    "Bulgarian": "и на да се в е не за от си с по че това са ще ми как но като до",
}


def language(text: str) -> str:
    """A text's language.

    Args:
        text: The text.

    Returns:
        The language's name; `undetermined (<script>)` where the script is shared by several and
        no stop word decides; `NO_LETTERS` for digits, signs and emoji alone.
    """
    seen = text[:EXCERPT]
    scripts = _scripts(seen)
    if not scripts:
        return NO_LETTERS
    if scripts["Kana"] and scripts["Kana"] + scripts["Han"] >= scripts.total() / 2:
        return "Japanese"
    script = scripts.most_common(1)[0][0]
    if script in ("Latin", "Cyrillic"):
        return _by_words(seen) or f"undetermined ({script})"
    if script == "Arabic":
        letters = set(seen)
        return next((name for name, own in _ARABIC_LETTERS if letters & set(own)), "Arabic")
    return _OF_SCRIPT.get(script, script)


def _scripts(text: str) -> collections.Counter[str]:
    """Letters by script."""
    if text.isascii():
        return collections.Counter({"Latin": 1} if any(map(str.isalpha, text)) else {})
    letters = collections.Counter(filter(str.isalpha, text))
    found: collections.Counter[str] = collections.Counter()
    for letter, count in letters.items():
        script = _BLOCKS[bisect.bisect_right(_STARTS, ord(letter)) - 1][1]
        if script:
            found[script] += count
    return found


def _by_words(text: str) -> str:
    """The language with most stop words in a text; "" for none, or several with as many."""
    known = _languages_of()
    votes: collections.Counter[str] = collections.Counter()
    for word in _WORD.findall(text.casefold()):
        votes.update(known.get(word, ()))
    (first, most), (_, second) = [*votes.most_common(2), ("", 0), ("", 0)][:2]
    return first if most > second else ""


@functools.cache
def _languages_of() -> dict[str, tuple[str, ...]]:
    languages: dict[str, list[str]] = {}
    for name, words in _STOP_WORDS.items():
        for word in dict.fromkeys(words.split()):
            languages.setdefault(word, []).append(name)
    # A single Latin letter is a word in many languages, and a piece of any text.
    return {w: tuple(n) for w, n in languages.items() if len(w) > 1 or not w.isascii()}
