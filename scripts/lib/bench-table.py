#!/usr/bin/env python3
"""bench-table.py RESULTS: the Markdown tables of scripts/bench, medians of its rounds."""
import json
import statistics
import sys


def median(rows, name):
    return statistics.median(row[name] for row in rows)


def main():
    found = {}
    with open(sys.argv[1]) as file:
        for line in file:
            row = json.loads(line)
            found.setdefault(row["kind"], []).append(row["value"])
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
    one = median(levels[1], "p50_ms") * 1000 / alone
    rest = max(row["rest_ms"] for row in found["load"])
    print(f"\n- One connection: p50 is {one:.1f} times the bare time of one issuance.")
    print(f"- After the last answer the precertificates still waiting took at most {rest:.0f} ms.")
    refusal = found["refusal"][0]
    print(f"- {refusal['requests']:,} refusals of a bad token: {refusal['per_second']:,.0f}/s, "
          f"{refusal['hsm_operations']:.0f} HSM operations.")
    print(f"- Start of the process to its first certificate: {median(found['start'], 'start_ms'):.0f} ms.")
    last = found["load"][-1]
    print(f"- Memory of all processes after {sum(row['requests'] for row in found['load']):,} issuances: "
          f"{last['rss_mb']:.0f} MB.")
    for row in found.get("flat", []):
        print(f"- {row['requests']:,} further issuances: {row['per_second']:,.0f}/s, memory from "
              f"{row['rss_before_mb']:.0f} MB to {row['rss_mb']:.0f} MB.")


if __name__ == "__main__":
    main()
