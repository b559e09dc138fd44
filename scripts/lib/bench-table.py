#!/usr/bin/env python3
"""bench-table.py RESULTS: the Markdown tables of scripts/bench, medians of its rounds."""
import json
import statistics
import sys


def median(rows, name):
    return statistics.median(row[name] for row in rows)


REFUSALS = {"bad-token": "a token with a wrong signature", "denied": "the policy, the same identity again",
            "denied-anew": "the policy, a new identity: an event with its commit"}


def refusals(rows, issuance_ms):
    """What saying no costs beside an issuance over as many connections."""
    print("\n| refused by | refusals/s | p50 ms | CPU ms each | of an issuance | HSM operations |")
    print("|---|---:|---:|---:|---:|---:|")
    for row in rows:
        print(f"| {REFUSALS[row['want']]} | {row['per_second']:,.0f} | {row['p50_ms']:.2f} | {row['cpu_ms']:.3f} "
              f"| {row['cpu_ms'] / issuance_ms:.0%} | {row['hsm_operations']:.0f} |")
    print("\nAn issuance over 8 connections is the measure. An HSM operation here is a probe: a signer that has nothing to "
          "sign makes one every ten seconds.")


def policy(found):
    decide, rows = found["decide"][0], found["diff"]
    print(f"- One decision with {decide['rules']} rules: {decide['us']:.1f} µs, {decide['us_best']:.1f} µs at best.")
    print(f"- `chancery policy diff` over {rows[0]['events']:,} events: {median(rows, 'seconds'):.1f} s.")


def timestamps(rows, bare):
    """The signature, in software, and its self-check; on two cores."""
    limit = 2e6 / (bare["p256_sign"] + bare["p256_verify"])
    print(f"\n| timestamps over | a second | of their bare limit, {limit:,.0f}/s | p50 ms | p99 ms | CPU ms each |\n|---|---:|---:|---:|---:|---:|")
    for row in rows:
        print(f"| {row['connections']} connections | {row['per_second']:,.0f} | {row['per_second'] / limit:.0%} | {row['p50_ms']:.2f} "
              f"| {row['p99_ms']:.2f} | {row['cpu_ms']:.3f} |")


GROWTH = {"inclusion_ms": "inclusion proof", "consistency_ms": "consistency proof", "san_ms": "by SAN", "issuer_ms": "by issuer",
          "subject_ms": "by subject", "serial_ms": "by serial", "request_id_ms": "by request id", "time_ms": "by time"}


def growth(rows, servers):
    """Each size beside the first. Milliseconds are the 99th percentile of the CPU time of one answer."""
    def line(title, write):
        print(f"| {title} | " + " | ".join(write(row) for row in rows) + " |")

    def times(name):
        return lambda row: f"{row[name]:.2f} ms" + ("" if row is rows[0] else f" ({row[name] / rows[0][name]:.1f} times)")
    line("certificates", lambda row: f"{row['size']:,}" + (", compact" if row["compact"] else ""))
    print("|---|" + "---:|" * len(rows))
    line("issued/s, the log alone", lambda row: f"{row['per_second']:,.0f} ({row['per_second'] / rows[0]['per_second']:.0%})")
    line("CPU of one", lambda row: f"{row['cpu_us']:.0f} µs ({row['cpu_us'] / rows[0]['cpu_us']:.1f} times)")
    for name, title in GROWTH.items():
        line(title, times(name))
    line("start", lambda row: f"{row['start_ms']:.0f} ms")
    line("octets of each", lambda row: f"{row['octets_each']:,.0f}")
    print("\n| the whole server, 64 connections, compact | " + " | ".join(f"{row['size']:,}" for row in servers) + " |")
    print("|---|" + "---:|" * len(servers))

    def line_of_pairs(title, name, pairs, form):
        print(f"| {title} | " + " | ".join(f"{row[name]:{form}} ({statistics.median(row[pairs]):.0%}, {min(row[pairs]):.0%} to {max(row[pairs]):.0%})"
                                            for row in servers) + " |")
    line_of_pairs("certificates/s", "per_second", "pairs", ",.0f")
    line_of_pairs("CPU ms each", "cpu_ms", "cpu_pairs", ".3f")
    print("| p99 ms | " + " | ".join(f"{row['p99_ms']:.1f}" for row in servers) + " |")
    print("| memory MB | " + " | ".join(f"{row['rss_mb']:.0f}" for row in servers) + " |")


def verify(rows):
    """What an audit costs beside the checks of its signatures, of the same run on as many threads."""
    print("| certificates | signatures | seconds | these checks alone | times | CPU seconds | of it the kernel | checks alone | times | memory |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    for row in rows:
        checks, signatures = [("-", "-")] * 2, "left out"
        if row["signatures"]:
            signatures = f"{row['signatures']:,}"
            checks = [(f"{row[alone]:.1f}", f"{row[all_of_it] / row[alone]:.2f}")
                      for alone, all_of_it in (("alone_seconds", "seconds"), ("alone_cpu_seconds", "cpu_seconds"))]
        print(f"| {row['size']:,} | {signatures} | {row['seconds']:.1f} | {checks[0][0]} | {checks[0][1]} "
              f"| {row['cpu_seconds']:.1f} | {row['system_seconds']:.1f} | {checks[1][0]} | {checks[1][1]} | {row['rss_mb']:.0f} MB |")


def main():
    found = {}
    with open(sys.argv[1]) as file:
        for line in file:
            row = json.loads(line)
            found.setdefault(row["kind"], []).append(row["value"])
    if "diff" in found:
        policy(found)
        return
    if "verify" in found:
        verify(found["verify"])
        return
    if "growth" in found:
        growth(found["growth"], found["issuance"][0])
        return
    bare = found["bare"][0]
    limit, alone = bare["limit_per_second"], bare["issuance"]

    print("| bare limit, one core | µs |\n|---|---:|")
    for text, name, times in (("RSA-2048 verify (token)", "rsa_verify", 1), ("P-256 verify (proof)", "p256_verify", 1),
                              ("P-256 key from raw point", "key_from_point", 1), ("two JSON parses", "json_parses", 1),
                              ("P-256 sign in software (SCT)", "p256_sign", 1),
                              ("two SoftHSM P-256 signs (certificate, precertificate)", "softhsm_sign", 2),
                              ("P-256 verify (self-check)", "p256_verify", 1)):
        print(f"| {text} | {times * bare[name]:.0f} |")
    print(f"| **one issuance** | **{alone:.0f}** |")
    print(f"| **limit of two cores** | **{limit:,.0f}/s** |\n")

    print("| connections | certificates/s | of the bare limit | p50 ms | p95 ms | p99 ms | p99 : p50 | CPU ms each "
          "| of it signers | switches each | HSM operations each |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
    levels = {}
    for row in found["load"]:
        levels.setdefault(row["connections"], []).append(row)
    for connections, rows in sorted(levels.items()):
        rate, p50, p99 = (median(rows, name) for name in ("per_second", "p50_ms", "p99_ms"))
        operations = sum(row["hsm_operations"] for row in rows) / sum(row["requests"] for row in rows)
        print(f"| {connections} | {rate:,.0f} | {rate / limit:.0%} | {p50:.2f} | {median(rows, 'p95_ms'):.2f} | {p99:.2f} "
              f"| {p99 / p50:.1f} | {median(rows, 'cpu_ms'):.2f} | {median(rows, 'signer_cpu_ms'):.2f} "
              f"| {median(rows, 'switches'):.1f} | {operations:.2f} |")
    refusals(found["refusal"], median(levels[8], "cpu_ms"))
    timestamps(found["timestamp"], bare)
    one = median(levels[1], "p50_ms") * 1000 / alone
    rest = max(row["rest_ms"] for row in found["load"])
    print(f"\n- One connection: p50 is {one:.1f} times the bare time of one issuance.")
    print(f"- After the last answer the precertificates still waiting took at most {rest:.0f} ms.")
    print(f"- Start of the process to its first certificate: {median(found['start'], 'start_ms'):.0f} ms.")
    last = found["load"][-1]
    print(f"- Memory of all processes after {sum(row['requests'] for row in found['load']):,} issuances: "
          f"{last['rss_mb']:.0f} MB.")
    for row in found.get("flat", []):
        print(f"- {row['requests']:,} further issuances: {row['per_second']:,.0f}/s, memory from "
              f"{row['rss_before_mb']:.0f} MB to {row['rss_mb']:.0f} MB.")


if __name__ == "__main__":
    main()
