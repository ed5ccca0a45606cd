"""Holds the emulator against Microsoft's Python client as Debian ships it.

"make interop" runs it under an emulator with TLS, the tables and the faults of
this folder's parent. The client trusts the authority by REQUESTS_CA_BUNDLE.
"""

import logging
import math
import os
import unittest
from datetime import datetime, timedelta, timezone

from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.identity import ClientSecretCredential
from azure.monitor.query import LogsQueryClient, LogsQueryStatus

BASE = os.environ.get("KUSTASH_VAR_endpoint", "")
WORKSPACE = os.environ.get("KUSTASH_VAR_workspace_id", "")
DAY = (datetime(2026, 3, 1, tzinfo=timezone.utc), datetime(2026, 3, 2, tzinfo=timezone.utc))

logging.disable(logging.CRITICAL)  # the failures here are wanted


class Counting(SansIOHTTPPolicy):
    """Remembers the status of each answer to a query, before any retry."""

    def __init__(self):
        self.statuses = []

    def on_response(self, request, response):
        self.statuses.append(response.http_response.status_code)


def connect(secret=None, retries=0, counting=None):
    credential = ClientSecretCredential(
        os.environ["AZURE_TENANT_ID"],
        os.environ["AZURE_CLIENT_ID"],
        secret or os.environ["AZURE_CLIENT_SECRET"],
        authority=BASE,
        instance_discovery=False,
    )
    return LogsQueryClient(
        credential,
        endpoint=BASE,
        retry_total=retries,
        retry_backoff_factor=0.01,
        per_retry_policies=[counting or Counting()],
    )


def ask(text, timespan=DAY, client=None, **options):
    return (client or connect()).query_workspace(WORKSPACE, text, timespan=timespan, **options)


class Queries(unittest.TestCase):
    def test_service(self):
        self.assertTrue(BASE.startswith("https:"), 'run this with "make interop"')

    def test_values_of_every_type(self):
        got = ask("Sample_CL | sort by TimeGenerated asc | project-away _ResourceId")
        self.assertEqual(got.status, LogsQueryStatus.SUCCESS)
        self.assertEqual(len(got.tables), 1)
        table = got.tables[0]
        self.assertEqual(table.name, "PrimaryResult")
        pairs = [f"{name}:{kind}" for name, kind in zip(table.columns, table.columns_types)]
        self.assertEqual(
            " ".join(pairs),
            "TimeGenerated:datetime Flag:bool Small:int Large:long Ratio:real Price:decimal Note:string "
            "Took:timespan Key:guid Payload:dynamic",
        )
        rows = [list(row) for row in table.rows]

        def minute(n):  # the client cuts 100 ns ticks to microseconds
            return datetime(2026, 3, 1, 0, n, 0, 123456, tzinfo=timezone.utc)

        self.assertEqual(
            rows[0],
            [minute(0), True, -7, 2**40, 0.5, "1.25", 'Grüße, 世界 \u2028 "x"\n', "01:00:00",
             "74be27de-1e4e-49d9-b579-fe0b331d3642", '{"a":[1,"b",null]}'],
        )
        self.assertEqual(rows[1][3], -(2**63))
        self.assertTrue(math.isinf(float(rows[1][4])))
        self.assertEqual(rows[1][5:9], ["-0.0001", "", "-00:00:00.0000001", "00000000-0000-0000-0000-000000000000"])
        self.assertEqual(rows[2][0], minute(2))
        self.assertEqual([rows[2][i] for i in (2, 3, 5, 6, 9)], [None, None, None, "nulls", None])

    def test_times_of_the_request(self):
        self.assertEqual(len(ask("Sample_CL", (DAY[0], timedelta(seconds=90))).tables[0].rows), 2)
        self.assertEqual(len(ask("Sample_CL", timedelta(seconds=90)).tables[0].rows), 0)
        self.assertEqual(len(ask("Sample_CL", None).tables[0].rows), 3)

    def test_statistics(self):
        got = ask("Sample_CL", include_statistics=True, include_visualization=True, server_timeout=600)
        self.assertEqual(got.statistics["query"]["datasetStatistics"][0]["tableRowCount"], 3)

    def test_partial_answer(self):
        for text, rows in (("set truncationmaxrecords=2; Sample_CL", 2), ("Sample_CL // out of memory", 3)):
            got = ask(text)
            self.assertEqual(got.status, LogsQueryStatus.PARTIAL)
            self.assertEqual(len(got.partial_data[0].rows), rows)
            self.assertEqual(got.partial_error.code, "PartialError")

    def test_wrong_secret(self):
        counting = Counting()
        with self.assertRaisesRegex(HttpResponseError, "AADSTS7000215"):
            ask("Sample_CL", client=connect(secret="not the secret", counting=counting))
        self.assertEqual(counting.statuses, [], "the query was asked without a token")

    def test_refusals(self):
        for text, status in (("Sample_CL | where", 400), ("Nonesuch_CL", 400)):
            with self.assertRaises(HttpResponseError) as caught:
                ask(text)
            self.assertEqual(caught.exception.status_code, status)
        with self.assertRaises(HttpResponseError) as caught:
            connect().query_workspace("soc", "Sample_CL", timespan=DAY)
        self.assertEqual(caught.exception.status_code, 404)

    def test_throttled_and_back(self):
        for what, statuses in (("throttled", [429, 200]), ("busy", [503, 200])):
            counting = Counting()
            got = ask(f"Sample_CL // {what} once, python", client=connect(retries=3, counting=counting))
            self.assertEqual(len(got.tables[0].rows), 3)
            self.assertEqual(counting.statuses, statuses)

    def test_throttled_until_it_gives_up(self):
        counting = Counting()
        with self.assertRaises(HttpResponseError) as caught:
            ask("Sample_CL // throttled always", client=connect(retries=1, counting=counting))
        self.assertEqual(caught.exception.status_code, 429)
        self.assertEqual(counting.statuses, [429, 429])

    def test_body_that_breaks_off(self):
        with self.assertRaises(Exception):
            ask("Sample_CL // cut off")


if __name__ == "__main__":
    unittest.main()
