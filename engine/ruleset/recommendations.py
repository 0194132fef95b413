"""What pySigma's validators say of rules, each with its line and the mend."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sigma.exceptions import SigmaError
from sigma.validation import SigmaValidator
from sigma.validators.core import validators

from engine.ruleset.documents import Map, Seq
from engine.ruleset.load import Source
from engine.ruleset.problem import Problem
from engine.ruleset.searches import CRASHES

# pySigma's ATT&CK and D3FEND validators download their tables, its uniqueness is ours with a line, and file names are
# the affair of whoever owns the files.
LEFT_OUT: Final = frozenset(
    {
        "attacktag",
        "d3_fendtag",
        "tag_format",
        "tlpv1_tag",
        "tlpv2_tag",
        "identifier_uniqueness",
        "duplicate_filename",
        "filename_length",
    }
)
_ICS: Final = "attack-ics"  # a namespace that pySigma does not know; our own check of tags does
_MENDS: Final = {
    "DanglingDetectionIssue": "name it in the condition, or delete it",
    "DanglingConditionIssue": "define that search, or take it out of the condition",
    "ThemConditionWithSingleDetectionIssue": "write the name of the search",
    "AllOfThemConditionIssue": "write 'all of selection*', so that a search added later changes nothing",
    "SpecificInsteadOfGenericLogsourceIssue": "write the category, so that the rule sees other products' events, too",
    "FieldnameLogsourceIssue": "write category, product, service or definition",
    "IdentifierExistenceIssue": "give the rule a UUID as its id",
    "DuplicateTitleIssue": "give each rule a title of its own",
    "DuplicateReferencesIssue": "list it once",
    "CustomAttributesIssue": "write the usual name of the key",
    "AllWithoutContainsModifierIssue": "write contains|all, or leave 'all' out",
    "Base64OffsetWithoutContainsModifierIssue": "write base64offset|contains",
    "WindowsDashCombinedWithAllModifierIssue": "make a search of its own of each value, and join them with 'and'",
    "ModifierAppliedMultipleIssue": "write the modifier once",
    "DuplicateTagIssue": "list it once",
    "InvalidNamespaceTagIssue": "write a namespace of Sigma's: attack, car, cve, d3fend, detection, stp, tlp",
    "InvalidPatternTagIssue": "write the tag as its namespace wants it",
    "InvalidTLPTagIssue": "write tlp.red, tlp.amber, tlp.green or tlp.clear",
    "DoubleWildcardIssue": "write one '*'",
    "NumberAsStringIssue": "leave the quotes out, or keep them for leading zeros",
    "ControlCharacterIssue": "double the backslash, or put the value in single quotes",
    "WildcardsInsteadOfContainsModifierIssue": "write the modifier contains, and no '*'",
    "WildcardInsteadOfStartswithIssue": "write the modifier startswith, and no '*'",
    "WildcardInsteadOfEndswithIssue": "write the modifier endswith, and no '*'",
    "EscapedWildcardIssue": "keep the backslash if the character itself is meant; for any text leave it out",
}


def recommendations(sources: Sequence[Source]) -> Iterator[Problem]:
    """Of one pass over all rules: some validators compare them. Opens no socket."""
    validator = SigmaValidator(kind for name, kind in validators.items() if name not in LEFT_OUT)
    issues = []
    for source in sources:
        if source.sigma is None:
            continue
        try:
            issues += [(source, issue) for issue in validator.validate_rule(source.sigma)]  # type: ignore[arg-type]
        except CRASHES as bad:
            what = f"pySigma's validators cannot read this rule: {bad}"
            yield Problem(source.path, source.line, "warning", what, "compare it with a rule that works")
    by_rule = {id(source.sigma): source for source in sources if source.sigma is not None}
    for issue in validator.finalize():
        issues += [(by_rule[id(rule)], issue) for rule in issue.rules if id(rule) in by_rule]
    for source, issue in issues:
        if getattr(getattr(issue, "tag", None), "namespace", None) == _ICS:
            continue
        extra = [value for name, value in vars(issue).items() if name != "rules" and value is not None]
        words = [_short(value) for value in extra]
        what = issue.description.rstrip(".") + (f": {', '.join(words)}" if words else "")
        mend = _MENDS.get(type(issue).__name__, "see what pySigma recommends")
        yield Problem(source.path, _line(source, extra, words), "warning", what, mend)


def _line(source: Source, extra: Iterable[Any], words: Iterable[str]) -> int:
    """Where the rule says what the issue is about, as far as that can be found again."""
    wanted = {*words, *(str(value.original) for value in extra if hasattr(value, "original"))}
    wanted |= {word.removeprefix("*").removesuffix("*") for word in wanted}  # those of contains, startswith, endswith
    wanted -= {"", "*"}
    found = _place(source.document, wanted) if wanted else None
    return found if found is not None else source.line


def _place(value: Map | Seq, wanted: set[str]) -> int | None:
    pairs = value.items() if isinstance(value, Map) else enumerate(value)
    for key, inner in pairs:
        line = value.at(key)  # type: ignore[arg-type]
        if str(key).split("|")[0] in wanted or (not isinstance(inner, Map | Seq) and str(inner) in wanted):
            return line
        if isinstance(inner, Map | Seq):
            within = _place(inner, wanted)
            if within is not None:
                return within
    return None


def _short(value: Any) -> str:
    if isinstance(value, set | frozenset | list | tuple):
        return ", ".join(sorted(_short(one) for one in value))
    try:
        text = str(getattr(value, "field", None) or value)
    except (SigmaError, TypeError):
        text = type(value).__name__
    return text if len(text) <= 120 else text[:119] + "…"
