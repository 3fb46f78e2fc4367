from novel import stubs


def test_middle_minus_ends():
    middle_minus_ends = stubs.middle_minus_ends
    assert middle_minus_ends([2, 10, 4]) == 7
    assert middle_minus_ends([1, 100, 5, 100, 8]) == 0.5
    assert middle_minus_ends([3]) == 0
    assert middle_minus_ends([4, 1, 6]) == -4


def test_postpone():
    postpone = stubs.postpone
    assert postpone([1, 2, 3, 4], 2) == [3, 4, 11, 12]
    assert postpone([5, 6, 7], 1) == [6, 7, 15]
    assert postpone([5, 6], 0) == [5, 6]
    assert postpone([1, 2], 2) == [11, 12]


def test_parking_fee():
    parking_fee = stubs.parking_fee
    assert parking_fee(10) == 0
    assert parking_fee(30) == 0
    assert parking_fee(31) == 2
    assert parking_fee(90) == 2
    assert parking_fee(91) == 4
    assert parking_fee(1000) == 15


def test_double_after_zero():
    double_after_zero = stubs.double_after_zero
    assert double_after_zero([0, 3, 4]) == [0, 6, 4]
    assert double_after_zero([5, 0, 0, 2]) == [5, 0, 0, 4]
    assert double_after_zero([3, 1, 0]) == [3, 1, 0]
    assert double_after_zero([]) == []


def test_first_positive_times_last_negative():
    first_positive_times_last_negative = stubs.first_positive_times_last_negative
    assert first_positive_times_last_negative([-7, 2, -3, 9]) == -6
    assert first_positive_times_last_negative([0, 4, -1, -5, 0]) == -20
    assert first_positive_times_last_negative([1, 8, -3, -1]) == -1
    assert first_positive_times_last_negative([1, 2]) == 0
    assert first_positive_times_last_negative([-1, 0]) == 0
    assert first_positive_times_last_negative([]) == 0


def test_fuel_stops():
    fuel_stops = stubs.fuel_stops
    assert fuel_stops([4, 4, 4], 10) == 1
    assert fuel_stops([5, 5], 10) == 0
    assert fuel_stops([6, 6, 6], 6) == 2
    assert fuel_stops([7, 5, 5, 1], 10) == 2
    assert fuel_stops([], 10) == 0


def test_cap_jumps():
    cap_jumps = stubs.cap_jumps
    assert cap_jumps([1, 9, 9, 2], 3) == [1, 4, 7, 2]
    assert cap_jumps([8, 5, 6], 1) == [8, 5, 6]
    assert cap_jumps([0, 5, 1, 9], 2) == [0, 2, 1, 3]
    assert cap_jumps([], 2) == []


def test_penalty_points():
    penalty_points = stubs.penalty_points
    assert penalty_points([50, 59, 60], 50) == 1
    assert penalty_points([90], 50) == 4
    assert penalty_points([91], 50) == 7
    assert penalty_points([20, 75, 101], 50) == 10
    assert penalty_points([], 50) == 0


def test_fill_with_half():
    fill_with_half = stubs.fill_with_half
    assert fill_with_half([8, -1, 3]) == [8, 4, 3]
    assert fill_with_half([7, -1, 5, -1]) == [7, 3, 5, 2]
    assert fill_with_half([-1, 6]) == [0, 6]
    assert fill_with_half([]) == []


def test_over_budget_at():
    over_budget_at = stubs.over_budget_at
    assert over_budget_at([5, 5, 5], 12) == 2
    assert over_budget_at([5, 5, 5], 10) == 2
    assert over_budget_at([20, 1], 10) == 0
    assert over_budget_at([6, 5, 1], 10) == 1
    assert over_budget_at([5, 5], 10) == -1
    assert over_budget_at([], 10) == -1


def test_check_remainder():
    check_remainder = stubs.check_remainder
    assert check_remainder([1, 0, 5]) == 3
    assert check_remainder([4]) == 8
    assert check_remainder([2, 3]) == 1
    assert check_remainder([9, 9, 9, 9]) == 5


def test_block_closers():
    block_closers = stubs.block_closers
    assert block_closers([5, 6, 7, 8, 9], 2) == [6, 8]
    assert block_closers([1, 2, 3, 4, 5, 6], 3) == [3, 6]
    assert block_closers([1, 2], 3) == []
    assert block_closers([4, 5], 1) == [4, 5]


def test_count_same_ends():
    count_same_ends = stubs.count_same_ends
    assert count_same_ends([11, 12, 131]) == 2
    assert count_same_ends([5, 0, 8]) == 0
    assert count_same_ends([9019, 23, 44, 100, 57]) == 2
    assert count_same_ends([]) == 0


def test_round_up_to_95():
    round_up_to_95 = stubs.round_up_to_95
    assert round_up_to_95(310) == 395
    assert round_up_to_95(395) == 395
    assert round_up_to_95(396) == 495
    assert round_up_to_95(0) == 95


def test_snake_cell():
    snake_cell = stubs.snake_cell
    assert snake_cell(0, 4) == (0, 0)
    assert snake_cell(3, 4) == (0, 3)
    assert snake_cell(4, 4) == (1, 3)
    assert snake_cell(7, 4) == (1, 0)
    assert snake_cell(7, 3) == (2, 1)
    assert snake_cell(9, 3) == (3, 2)


def test_between_markers():
    between_markers = stubs.between_markers
    assert between_markers([1, 0, 5, 6, 0, 2], 0) == [5, 6]
    assert between_markers([9, 1, 9, 2, 9], 9) == [1]
    assert between_markers([7, 7, 3], 7) == []
    assert between_markers([1, 0, 2], 0) == []
    assert between_markers([1, 2], 0) == []


def test_merge_parcels():
    merge_parcels = stubs.merge_parcels
    assert merge_parcels([2, 3, 4], 5) == [5, 4]
    assert merge_parcels([4, 3, 1, 1, 1], 5) == [4, 5, 1]
    assert merge_parcels([6, 1, 1], 5) == [6, 2]
    assert merge_parcels([], 5) == []


def test_losses_first():
    losses_first = stubs.losses_first
    assert losses_first([3, -1, 0, -2]) == [-1, -2, 3, 0, 2]
    assert losses_first([5, 4]) == [5, 4, 0]
    assert losses_first([-5, -9]) == [-5, -9, 2]
    assert losses_first([]) == [0]


def test_elevator_seconds():
    elevator_seconds = stubs.elevator_seconds
    assert elevator_seconds(0, [3]) == 14
    assert elevator_seconds(2, [5, 1]) == 31
    assert elevator_seconds(4, [4]) == 5
    assert elevator_seconds(1, []) == 0


def test_weekly_bonus():
    weekly_bonus = stubs.weekly_bonus
    assert weekly_bonus([8, 8, 9, 10, 8, 0, 0]) == 10
    assert weekly_bonus([9, 8, 9, 4, 8, 1, 0]) == 20
    assert weekly_bonus([8, 8, 8, 8, 8, 8, 8]) == 0
    assert weekly_bonus([9, 9, 9, 9, 9, 0, 0]) == 25


def test_first_question():
    first_question = stubs.first_question
    assert first_question("Hello.\nWho is it?\nWhy?") == "Who is it"
    assert first_question("Really? Yes.\nSure?") == "Sure"
    assert first_question("No.\nNo!") == ""
    assert first_question("") == ""


def test_last_bracketed():
    last_bracketed = stubs.last_bracketed
    assert last_bracketed("a[1] b[two] c") == "two"
    assert last_bracketed("[x y]") == "x y"
    assert last_bracketed("none here") == ""
    assert last_bracketed("[a][]") == ""


def test_short_path():
    short_path = stubs.short_path
    assert short_path("home/data/file.txt") == "h/d/file.txt"
    assert short_path("file.txt") == "file.txt"
    assert short_path("src/setup.py") == "s/setup.py"
    assert short_path("a/bc/def/ghij") == "a/b/d/ghij"


def test_indent_level():
    indent_level = stubs.indent_level
    assert indent_level("x = 1    ") == 0
    assert indent_level("    x  =    1") == 1
    assert indent_level("\t\treturn") == 2
    assert indent_level("       y") == 1
    assert indent_level("\t    z") == 2


def test_bump_build():
    bump_build = stubs.bump_build
    assert bump_build("1.4-b9") == "1.4-b10"
    assert bump_build("2.0.1") == "2.0.1-b1"
    assert bump_build("3-b1") == "3-b2"
    assert bump_build("0.9-b199") == "0.9-b200"


def test_swap_assignment():
    swap_assignment = stubs.swap_assignment
    assert swap_assignment("a = b") == "b = a"
    assert swap_assignment("  size=10 px ") == "10 px = size"
    assert swap_assignment("no sign here ") == "no sign here "
    assert swap_assignment("x   =y") == "y = x"


def test_shout_after_bang():
    shout_after_bang = stubs.shout_after_bang
    assert shout_after_bang("Stop! who goes there") == "Stop! WHO goes there"
    assert shout_after_bang("no! no! never mind") == "no! NO! NEVER mind"
    assert shout_after_bang("wow!ok fine") == "wow!ok fine"
    assert shout_after_bang("end it!") == "end it!"


def test_strip_remark():
    strip_remark = stubs.strip_remark
    assert strip_remark("x = 1  # one") == "x = 1"
    assert strip_remark("a # b # c") == "a"
    assert strip_remark("#!/bin/sh # x") == "#!/bin/sh # x"
    assert strip_remark("# only") == ""
    assert strip_remark("  plain") == "  plain"


def test_score_answers():
    score_answers = stubs.score_answers
    assert score_answers("ABCD", "AB-C") == 3
    assert score_answers("AAA", "AAA") == 6
    assert score_answers("AB", "--") == 0
    assert score_answers("ABC", "CAB") == -3
    assert score_answers("", "") == 0


def test_blank_fields():
    blank_fields = stubs.blank_fields
    assert blank_fields("a;;b") == 1
    assert blank_fields("a; ;b;") == 2
    assert blank_fields("a;b c") == 0
    assert blank_fields("") == 1


def test_letters_then_digits():
    letters_then_digits = stubs.letters_then_digits
    assert letters_then_digits("1a2b") == "ab12"
    assert letters_then_digits("x-9 Y.0") == "xY90"
    assert letters_then_digits("zb") == "zb"
    assert letters_then_digits("31-2") == "312"
    assert letters_then_digits("") == ""


def test_ticket_project():
    ticket_project = stubs.ticket_project
    assert ticket_project("[WEB-123] Fix the login") == "WEB"
    assert ticket_project("[API-7] Add re-try") == "API"
    assert ticket_project("Fix [WEB-1]") is None
    assert ticket_project("") is None


def test_mirror_even_words():
    mirror_even_words = stubs.mirror_even_words
    assert mirror_even_words("one two three four") == "one owt three ruof"
    assert mirror_even_words("single") == "single"
    assert mirror_even_words("go now go") == "go won go"
    assert mirror_even_words("") == ""


def test_pad_code():
    pad_code = stubs.pad_code
    assert pad_code("7-3") == "007-03"
    assert pad_code("120-45") == "120-45"
    assert pad_code("15-0") == "015-00"
    assert pad_code("1000-1") == "1000-01"


def test_hyphenated():
    hyphenated = stubs.hyphenated
    assert hyphenated("a well-known man") == ["well-known"]
    assert hyphenated("-v pre- x-y a-b-c") == ["x-y", "a-b-c"]
    assert hyphenated("no hyphen - here") == []
    assert hyphenated("") == []


def test_toggle_task():
    toggle_task = stubs.toggle_task
    assert toggle_task("[ ] buy milk") == "[x] buy milk"
    assert toggle_task("[x] call Ann") == "[ ] call Ann"
    assert toggle_task("note [ ] this") == "note [ ] this"
    assert toggle_task("[x] copy [ ] and [x]") == "[ ] copy [ ] and [x]"


def test_type_keys():
    type_keys = stubs.type_keys
    assert type_keys("a^bc^d") == "aBCd"
    assert type_keys("abc") == "abc"
    assert type_keys("^hi there") == "HI THERE"
    assert type_keys("a^^b^1c") == "ab1C"
    assert type_keys("") == ""


def test_file_day():
    file_day = stubs.file_day
    assert file_day("report_20240131.csv") == "31.01.2024"
    assert file_day("a_b_19991205.txt") == "05.12.1999"
    assert file_day("log_20230718.tar.gz") == "18.07.2023"


def test_shorten_inner_words():
    shorten_inner_words = stubs.shorten_inner_words
    assert shorten_inner_words("Department of Public Works") == "Department o. P. Works"
    assert shorten_inner_words("Anna Maria Berg") == "Anna M. Berg"
    assert shorten_inner_words("Two Words") == "Two Words"
    assert shorten_inner_words("One") == "One"


def test_quote_depth():
    quote_depth = stubs.quote_depth
    assert quote_depth("> > hi") == 2
    assert quote_depth(">>> a > b") == 3
    assert quote_depth("plain > text") == 0
    assert quote_depth(" > x") == 1
    assert quote_depth("") == 0


def test_restock():
    restock = stubs.restock
    assert restock({"nut": 3, "bolt": 10}, 5) == {"nut": 7}
    assert restock({"nut": 5, "bolt": 4, "nail": 0}, 5) == {"bolt": 6, "nail": 10}
    assert restock({"nut": 9}, 2) == {}
    assert restock({}, 5) == {}


def test_late_names():
    late_names = stubs.late_names
    ann = {"name": "Ann", "due": 8, "returned": False}
    bob = {"name": "Bob", "due": 5, "returned": False}
    cy = {"name": "Cy", "due": 1, "returned": True}
    assert late_names([ann, bob, cy], 10) == ["Bob", "Ann"]
    assert late_names([ann, bob, cy], 8) == ["Bob"]
    assert late_names([ann, bob, cy], 5) == []
    assert late_names([], 5) == []


def test_cheapest_open():
    cheapest_open = stubs.cheapest_open
    north = {"name": "North", "price": 9, "open": True}
    south = {"name": "South", "price": 4, "open": False}
    east = {"name": "East", "price": 7, "open": True}
    assert cheapest_open([north, south, east]) == "East"
    assert cheapest_open([north, south]) == "North"
    assert cheapest_open([south]) is None
    assert cheapest_open([]) is None


def test_rename_fields():
    rename_fields = stubs.rename_fields
    assert rename_fields({"a": 1, "b": 2, "c": 3}, {"a": "x", "b": None}) == {"x": 1, "c": 3}
    assert rename_fields({"a": None}, {}) == {"a": None}
    assert rename_fields({"a": 1}, {"z": "y"}) == {"a": 1}
    assert rename_fields({}, {"a": "b"}) == {}


def test_transfer():
    transfer = stubs.transfer
    before = {"a": 50, "b": 10}
    assert transfer(before, "a", "b", 20) == {"a": 30, "b": 30}
    assert transfer(before, "b", "a", 11) == {"a": 50, "b": 10}
    assert transfer(before, "b", "c", 10) == {"a": 50, "b": 0, "c": 10}
    assert before == {"a": 50, "b": 10}


def test_league_points():
    league_points = stubs.league_points
    matches = [
        {"home": "A", "away": "B", "score": (2, 1)},
        {"home": "C", "away": "A", "score": (0, 0)},
        {"home": "B", "away": "C", "score": (0, 3)},
        {"home": "B", "away": "A", "score": (1, 4)},
    ]
    assert league_points(matches, "A") == 7
    assert league_points(matches, "B") == 0
    assert league_points(matches, "C") == 4
    assert league_points(matches, "D") == 0
    assert league_points([], "A") == 0


def test_settings_under():
    settings_under = stubs.settings_under
    config = {"db.host": "x", "db.port": 1, "debug": True, "dbx.a": 2, "web.db.y": 3}
    assert settings_under(config, "db") == {"host": "x", "port": 1}
    assert settings_under(config, "web") == {"db.y": 3}
    assert settings_under(config, "debug") == {}
    assert settings_under({"db": 1, "db.db.z": 2}, "db") == {"db.z": 2}


def test_cart_total():
    cart_total = stubs.cart_total
    assert cart_total([{"price": 10, "count": 3}]) == 30
    assert cart_total([{"price": 10, "count": 2}, {"price": 3, "count": 3}]) == 33
    assert cart_total([{"price": 10, "count": 2}, {"price": 50, "count": 1, "gift": True}]) == 24
    assert cart_total([{"price": 40, "count": 1, "gift": False}]) == 40
    assert cart_total([]) == 4


def test_advance():
    advance = stubs.advance
    order = {"id": 7, "status": "new"}
    assert advance(order) == {"id": 7, "status": "paid"}
    assert order == {"id": 7, "status": "new"}
    assert advance({"status": "paid"}) == {"status": "sent"}
    assert advance({"id": 1, "status": "sent"}) == {"id": 1, "status": "sent"}
    assert advance({"status": "lost"}) == {"status": "lost"}


def test_open_questions():
    open_questions = stubs.open_questions
    assert open_questions({"name": "Ann", "city": ""}, ["name", "city", "zip"]) == ["city?", "zip?"]
    assert open_questions({"age": 0}, ["age"]) == []
    assert open_questions({"name": "", "age": 3}, ["age"]) == []
    assert open_questions({}, ["b", "a"]) == ["b?", "a?"]


def test_seat_label():
    seat_label = stubs.seat_label
    assert seat_label(1, 10) == "A1"
    assert seat_label(12, 10) == "B2"
    assert seat_label(10, 10) == "A10"
    assert seat_label(9, 4) == "C1"


def test_shift_hours():
    shift_hours = stubs.shift_hours
    assert shift_hours("08:00-16:30") == 8.5
    assert shift_hours("22:00-06:00") == 8
    assert shift_hours("09:15-10:00") == 0.75
    assert shift_hours("23:30-00:15") == 0.75


def test_dive():
    dive = stubs.dive
    assert dive("D5 U2") == 3
    assert dive("D3 U10 D4") == 4
    assert dive("U1") == 0
    assert dive("D12 D8 U5") == 15
    assert dive("") == 0


def test_spent_on():
    spent_on = stubs.spent_on
    assert spent_on("rent:500 food:20 rent:50", "rent") == 550
    assert spent_on("rent:500 food:20 rent:50", "food") == 20
    assert spent_on("foods:5 food:1", "food") == 1
    assert spent_on("a:1", "b") == 0
    assert spent_on("", "b") == 0


def test_lamp_changes():
    lamp_changes = stubs.lamp_changes
    assert lamp_changes(["on", "on", "off"]) == 2
    assert lamp_changes(["off", "toggle", "on", "toggle"]) == 2
    assert lamp_changes(["toggle", "toggle", "toggle"]) == 3
    assert lamp_changes(["off"]) == 0
    assert lamp_changes([]) == 0


def test_tally_chart():
    tally_chart = stubs.tally_chart
    assert tally_chart({"tea": 31, "milk": 4}) == ["tea: ###", "milk: -"]
    assert tally_chart({"a": 10, "b": 19}) == ["a: #", "b: #"]
    assert tally_chart({"x": 0}) == ["x: -"]
    assert tally_chart({}) == []


def test_queue_after():
    queue_after = stubs.queue_after
    assert queue_after(["a", "b", "c"], 1, ["d"]) == ["b", "c", "d"]
    assert queue_after(["a", "b", "c"], 1, ["c", "a"]) == ["b", "c", "a"]
    assert queue_after(["a"], 3, ["b"]) == ["b"]
    assert queue_after(["a", "b"], 0, []) == ["a", "b"]


def test_most_inside():
    most_inside = stubs.most_inside
    assert most_inside("++-+") == 2
    assert most_inside("+-+-+-") == 1
    assert most_inside("+-++") == 2
    assert most_inside("+++--+---") == 3
    assert most_inside("") == 0


def test_pick_by_mask():
    pick_by_mask = stubs.pick_by_mask
    assert pick_by_mask(["a", "b", "c"], "102") == ["a", "c", "c"]
    assert pick_by_mask([5, 6], "21") == [5, 5, 6]
    assert pick_by_mask([5, 6], "00") == []
    assert pick_by_mask([], "") == []


def test_best_two_cards():
    best_two_cards = stubs.best_two_cards
    assert best_two_cards(["2", "K", "9"]) == 19
    assert best_two_cards(["A", "3", "A"]) == 22
    assert best_two_cards(["Q", "J", "7", "A"]) == 21
    assert best_two_cards(["10", "2", "9"]) == 19
    assert best_two_cards(["J", "Q", "5"]) == 20
