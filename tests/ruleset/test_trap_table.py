"""Forty-two places where engines of Sigma go wrong, and the tests that hold each: none is lost when tests are moved."""

import ast
from pathlib import Path

import pytest

CORRELATIONS, SEARCHES, FILTERS = "ruleset/test_correlations.py", "ruleset/test_searches.py", "ruleset/test_filters.py"
LINT, ERRORS, EVENTS, LAWS = (
    "ruleset/test_lint.py",
    "ruleset/test_errors.py",
    "detect/test_traps.py",
    "correlate/test_laws.py",
)
STREAMS = "detect/test_streams.py"

TRAPS: dict[int, tuple[str, dict[str, tuple[str, ...]]]] = {
    1: ("ranges in conditions", {CORRELATIONS: ("bounds_are_kept_as_they_are_written",), LINT: ("bounds_between_which_nothing_lies_are_an_error",)}),
    2: ("fractions in conditions", {CORRELATIONS: ("bounds_are_kept_as_they_are_written",)}),
    3: ("percentiles", {CORRELATIONS: ("a_percentile_may_be_a_fraction",)}),
    4: ("months for minutes", {CORRELATIONS: ("months_for_minutes_are_a_lint_error", "time_spans_are_those_of_pysigma")}),
    5: ("temporal means all rules", {CORRELATIONS: ("temporal_means_all_rules_unless_it_says_otherwise",)}),
    6: ("conditions in words", {CORRELATIONS: ("conditions_in_words_are_over_rules", "a_fault_is_named_with_its_line")}),
    7: ("dashed references in words", {CORRELATIONS: ("conditions_in_words_are_over_rules", "a_fault_is_named_with_its_line")}),
    8: ("absence needs a closed window", {LAWS: ("not_in_temporal_looks_before_and_after", "absence_is_decided_by_a_quiet_sources_clock")}),
    9: ("upper bounds", {LAWS: ("an_upper_bound_is_decided_once_at_first_match_plus_timespan",)}),
    10: ("generate", {CORRELATIONS: ("a_correlation_silences_its_rules_unless_it_generates", "the_lint_shows_who_is_muted")}),
    11: ("references and circles", {CORRELATIONS: ("references_are_by_id_or_name_over_files_in_any_order", "a_circle_is_an_error_in_each_of_its_rules_and_in_no_other", "correlations_over_correlations_are_bounded")}),
    12: ("aliases and pipelines", {CORRELATIONS: ("aliases_go_by_rule",), "ruleset/test_pipelines.py": ("group_keys_aliases_and_value_fields_follow",)}),
    13: ("keys of inner correlations", {LAWS: ("the_virtual_match_carries_the_last_events_fields_and_the_inner_groups_keys",)}),
    14: ("windows slide", {LAWS: ("a_match_exactly_timespan_old_counts_and_an_older_one_does_not",)}),
    15: ("one event, two rules", {LAWS: ("one_event_is_never_two_steps_of_a_sequence_and_may_be_both_in_temporal",)}),
    16: ("a missing group key", {LAWS: ("a_missing_key_never_correlates_and_is_counted",)}),
    17: ("a list as group key", {LAWS: ("a_list_fans_out_to_at_most_sixteen_groups",)}),
    18: ("case", {EVENTS: ("a_search_holds_as_sigma_says",), SEARCHES: ("cased_keeps_the_case",)}),
    19: ("escapes", {EVENTS: ("a_search_holds_as_sigma_says",), SEARCHES: ("escapes_are_those_of_the_specification", "a_backslash_at_the_end_stays_literal")}),
    20: ("numbers and booleans as text", {EVENTS: ("a_search_holds_as_sigma_says",), STREAMS: ("values_that_are_equal_as_keys_are_not_taken_for_one_another",), "ruleset/test_documents.py": ("a_plain_scalar_is_what_its_author_wrote",)}),
    21: ("null, empty, missing", {EVENTS: ("a_search_holds_as_sigma_says",), SEARCHES: ("null_is_not_the_empty_string",), STREAMS: ("an_absent_field_is_remembered_apart_from_a_null",)}),
    22: ("null in a list", {ERRORS: ("a_fault_is_named_with_its_line",)}),
    23: ("keywords", {EVENTS: ("keywords_search_every_value_and_the_record",), SEARCHES: ("keywords_have_no_field",)}),
    24: ("lists and maps", {EVENTS: ("a_search_holds_as_sigma_says",), SEARCHES: ("a_map_is_and_and_a_list_is_or", "all_makes_a_list_and"), LINT: ("modifiers_that_do_not_do_what_they_seem_to",)}),
    25: ("them and _names", {SEARCHES: ("conditions_bind_as_in_the_specification",), ERRORS: ("a_fault_is_named_with_its_line",)}),
    26: ("precedence", {SEARCHES: ("conditions_bind_as_in_the_specification",)}),
    27: ("neq of a list", {EVENTS: ("a_search_holds_as_sigma_says",), SEARCHES: ("neq_denies_the_whole_list",)}),
    28: ("windash", {EVENTS: ("a_search_holds_as_sigma_says",), SEARCHES: ("windash_stands_for_five_dashes", "many_dashes_cost_one_pattern")}),
    29: ("base64offset", {SEARCHES: ("base64offset_finds_the_text_at_each_offset", "the_order_of_encodings_matters")}),
    30: ("base64 and case", {EVENTS: ("a_search_holds_as_sigma_says",), SEARCHES: ("base64_is_compared_with_case",)}),
    31: ("regular expressions", {EVENTS: ("a_search_holds_as_sigma_says",), LINT: ("repetitions_of_repetitions_are_found", "a_regular_expression_that_runs_away_is_an_error_in_its_line"), "detect/test_bad_input.py": ("a_regular_expression_that_backtracks_forever_is_bounded",)}),
    32: ("networks", {EVENTS: ("a_search_holds_as_sigma_says",), SEARCHES: ("cidr_takes_both_families",)}),
    33: ("time parts and zones", {EVENTS: ("a_search_holds_as_sigma_says", "time_parts_are_those_of_the_rules_zone"), SEARCHES: ("time_parts_are_numbers",)}),
    34: ("fieldref", {EVENTS: ("a_search_holds_as_sigma_says",), SEARCHES: ("fieldref_compares_with_another_field",)}),
    35: ("placeholders", {SEARCHES: ("a_rule_with_an_unresolved_placeholder_is_disabled_with_a_warning", "placeholders_take_the_values_of_the_configuration")}),
    36: ("filters are AND-ed", {FILTERS: ("both_conditions_must_hold_and_their_names_are_apart", "a_filter_without_not_is_suspicious")}),
    37: ("which rules a filter joins", {FILTERS: ("a_filter_joins_the_rules_it_names", "the_log_source_of_a_filter_must_cover_the_rules")}),
    38: ("log sources", {EVENTS: ("a_rule_sees_only_the_events_of_its_log_source",), STREAMS: ("log_sources_in_turn_do_not_share_answers",)}),
    39: ("tags of ATT&CK for ICS", {LINT: ("tags_are_checked_against_our_own_table", "the_table_of_ics_techniques_is_that_of_attack")}),
    40: ("log sources of OT", {EVENTS: ("a_rule_for_a_protocol_of_the_plant_sees_its_events_and_no_others",)}),
    41: ("what crashes pySigma", {ERRORS: ("any_document_is_a_rule_or_a_problem", "any_bytes_are_a_rule_or_a_problem")}),
    42: ("nested and dotted", {EVENTS: ("a_search_holds_as_sigma_says",), STREAMS: ("a_stream_of_repeated_and_new_values_is_seen_as_if_each_event_were_the_first",)}),
}  # fmt: skip


def test_no_trap_is_missing():
    assert list(TRAPS) == list(range(1, 43))


@pytest.mark.parametrize("number", TRAPS)
def test_each_trap_has_its_tests(number: int):
    _, tests = TRAPS[number]
    root = Path(__file__).parents[1]

    for file, names in tests.items():
        found = {
            node.name for node in ast.walk(ast.parse((root / file).read_bytes())) if isinstance(node, ast.FunctionDef)
        }
        assert {f"test_{name}" for name in names} <= found, file
