#include "schema/extensions.h"

#include <algorithm>

namespace schema {
namespace {

constexpr FulcioArc kArcs[] = {
    {1, "issuer", "Issuer", true},  // deprecated for 8, and still in every certificate
    {2, "github-workflow-trigger", "GitHub Workflow Trigger", true},
    {3, "github-workflow-sha", "GitHub Workflow SHA", true},
    {4, "github-workflow-name", "GitHub Workflow Name", true},
    {5, "github-workflow-repository", "GitHub Workflow Repository", true},
    {6, "github-workflow-ref", "GitHub Workflow Ref", true},
    {8, "issuer-v2", "Issuer (V2)", false},
    {9, "build-signer-uri", "Build Signer URI", false},
    {10, "build-signer-digest", "Build Signer Digest", false},
    {11, "runner-environment", "Runner Environment", false},
    {12, "source-repository-uri", "Source Repository URI", false},
    {13, "source-repository-digest", "Source Repository Digest", false},
    {14, "source-repository-ref", "Source Repository Ref", false},
    {15, "source-repository-identifier", "Source Repository Identifier", false},
    {16, "source-repository-owner-uri", "Source Repository Owner URI", false},
    {17, "source-repository-owner-identifier", "Source Repository Owner Identifier", false},
    {18, "build-config-uri", "Build Config URI", false},
    {19, "build-config-digest", "Build Config Digest", false},
    {20, "build-trigger", "Build Trigger", false},
    {21, "run-invocation-uri", "Run Invocation URI", false},
    {22, "source-repository-visibility-at-signing", "Source Repository Visibility At Signing",
     false},
    {23, "deployment-environment", "Deployment Environment", false},
    {24, "token-subject", "Token Subject", false},
};

}  // namespace

std::span<const FulcioArc> FulcioArcs() { return kArcs; }

const FulcioArc* FindArc(int arc) {
  const auto* found = std::ranges::find(kArcs, arc, &FulcioArc::arc);
  return found == std::end(kArcs) ? nullptr : found;
}

const FulcioArc* FindArc(std::string_view name) {
  const auto* found = std::ranges::find(kArcs, name, &FulcioArc::name);
  return found == std::end(kArcs) ? nullptr : found;
}

}  // namespace schema
