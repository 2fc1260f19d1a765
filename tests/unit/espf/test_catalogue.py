"""The event catalogue: names in any case, variables in order."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from portaswitch.espf.catalogue import EVENTS, find, read_events


class CatalogueTests(SynchronousTestCase):
    """The package's catalogue, and what a catalogue file says."""

    def test_names_in_any_case(self) -> None:
        """Both printed spellings mean one event; what is none is None."""
        self.assertIs(find("Account/Id/Changed"), find("Account/ID/Changed"))
        self.assertEqual([event.name for event in (find("ACCOUNT/NEW"), find("account/new")) if event], ["Account/New"] * 2)
        self.assertIsNone(find("Account/Old"))

    def test_variables_in_order(self) -> None:
        """As the guide prints them, whatever the order of the row; what it does not name comes last, what is missing is left out."""
        event = EVENTS["customfield/changed"]
        row = {"i_env": 1, "field_name": "f", "more": 2, "i_account": 7, "curr_value": None}
        self.assertEqual(list(event.ordered(row).items()), [("i_account", 7), ("i_env", 1), ("curr_value", None), ("field_name", "f"), ("more", 2)])

    def test_origins(self) -> None:
        """The dispatchers' events: what a customer's block of funds becomes for its accounts."""
        event = EVENTS["account/zeroavailablefunds"]
        self.assertEqual((event.inherited, event.also_from, event.simplified), (True, ("Customer/ZeroAvailableFunds",), "Subscriber/Updated"))

    def test_defaults(self) -> None:
        """What an entry leaves out."""
        event = read_events("events: [{name: A/B, summary: s, variables: [x]}]")["a/b"]
        self.assertEqual((event.inherited, event.simplified, event.also_from, event.variables), (False, "", (), ("x",)))
        self.assertRaises(KeyError, read_events, "events: [{name: A/B, summary: s}]")
