// The second half of hsm/lane.h: a batch on its way to the signer, and its answers.
#include <algorithm>

#include "hsm/digest.h"
#include "hsm/lane.h"

namespace hsm {

using schema::Error;
using schema::Steady;
using std::chrono::milliseconds;

namespace {

// What takes so long, and several times as long as usual, another token is asked for too.
constexpr milliseconds kLendAfter{250};
constexpr int kLendTimes = 4;

std::string Code(const Frame& frame) { return std::to_string(static_cast<int>(frame.code)); }

}  // namespace

// On failure `batch` keeps what was not answered.
std::string Lane::Exchange(std::vector<Job>& batch) {
  schema::Bytes out;
  const std::uint32_t first_id = next_id_;
  for (const Job& job : batch) {
    tally_.Sent(job.purpose, job.retries > 0);
    AppendFrame(out, next_id_++, static_cast<std::uint8_t>(job.purpose), job.bytes);
  }
  switch (WriteAll(process_.socket(), out, Steady::now() + settings_.sign_deadline)) {
    case Channel::kOk:
      break;
    case Channel::kTimeout:
      return "the signer reads nothing";
    case Channel::kClosed:
    case Channel::kWoken:
      return "the signer ended";
  }
  return ReadAnswers(batch, first_id);
}

Steady::duration Lane::Patience(std::size_t count) const {
  const auto long_for_it = each_ * kLendTimes * static_cast<std::int64_t>(count);
  return std::max<Steady::duration>(kLendAfter, long_for_it);
}

// The signer answers in the order of the requests.
std::string Lane::ReadAnswers(std::vector<Job>& batch, std::uint32_t first_id) {
  std::size_t answered = 0;
  std::string why;
  auto heard = Steady::now();
  const auto lend_at = heard + Patience(batch.size());
  bool lent = false;
  while (answered < batch.size() && why.empty()) {
    const auto frame = reader_.Next();
    if (!frame) {
      why = frame.error().detail;
    } else if (*frame) {
      const bool expected = (*frame)->id == first_id + static_cast<std::uint32_t>(answered);
      why = expected ? TakeAnswer(**frame, batch[answered]) : "an answer to another question";
      if (why.empty()) ++answered, ++answers_;
    } else {
      const auto deadline = heard + settings_.sign_deadline;
      const auto until = lent ? deadline : std::min(deadline, lend_at);
      const Channel read = ReadSome(process_.socket(), wake_, reader_.buffer(), until);
      if (read == Channel::kOk) heard = Steady::now();
      if (read == Channel::kTimeout && until < deadline) {
        batch.erase(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(answered));
        first_id += static_cast<std::uint32_t>(answered);
        answered = 0;
        queue_.Lend(number_, batch);
        lent = true;
        continue;
      }
      if (read == Channel::kTimeout) why = "no answer within ca.sign-deadline";
      if (read == Channel::kClosed) why = "the signer ended";
      if (read == Channel::kWoken && stop_) why = "the server is stopping";
      if (read == Channel::kWoken && !stop_) Drain();
    }
  }
  batch.erase(batch.begin(), batch.begin() + static_cast<std::ptrdiff_t>(answered));
  return why;
}

std::string Lane::TakeAnswer(const Frame& frame, Job& job) {
  const std::string text(schema::AsText(frame.bytes));
  switch (static_cast<AnswerCode>(frame.code)) {
    case AnswerCode::kSigned:
    case AnswerCode::kAlive:
      return TakeSignature(frame, job);
    case AnswerCode::kRefused:
      journal_.Error("signer-refused",
                     {{"purpose", std::string(PurposeName(job.purpose))}, {"reason", text}});
      job.Finish(Error{&kSignerRefused, text});
      return {};
    case AnswerCode::kFailed:
      return "device error: " + text;
    case AnswerCode::kLost:
      lost_ = true;
      return "session lost: " + text;
    default:
      return "an answer of code " + Code(frame);
  }
}

std::string Lane::TakeSignature(const Frame& frame, Job& job) {
  const bool alive = static_cast<AnswerCode>(frame.code) == AnswerCode::kAlive;
  if (alive != (job.purpose == Purpose::kKeepAlive)) return "an answer to another question";
  const auto answer = DecodeSigned(frame.bytes);
  if (!answer) return answer.error().detail;
  if (alive) return TakeCounts(answer->made, std::nullopt);
  if (std::string why = TakeCounts(answer->made, job.purpose); !why.empty()) return why;
  if (settings_.role == Role::kIssuing) ++operations_;
  if (job.group == nullptr) {
    const bool good = VerifyP256(facts_.issuing, job.bytes, answer->signature);
    return good ? "" : "the probe does not verify";
  }
  ++signatures_;
  job.Finish(
      Signed{schema::Signature(schema::ToBytes(answer->signature)), facts_.token_serial, run_});
  return {};
}

// An excess costs no caller anything here: the one to act is a person (http/custody_watch).
std::string Lane::TakeCounts(const MadeCounts& made, std::optional<Purpose> answered) {
  switch (counts_.Take(made, answered, tally_)) {
    case RunCounts::Verdict::kAgree:
      return {};
    case RunCounts::Verdict::kExcess:
      journal_.Error("signature-excess", {{"role", std::string(RoleName(settings_.role))},
                                          {"name", settings_.token},
                                          {"run", std::to_string(run_)}});
      return {};
    case RunCounts::Verdict::kContradict:
      break;
  }
  return "its count of signatures contradicts its answers";
}

}  // namespace hsm
