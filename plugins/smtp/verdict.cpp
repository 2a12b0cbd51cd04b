#include "verdict.hpp"

#include <algorithm>
#include <cerrno>
#include <vector>

#include "encode.hpp"

namespace smtp_plugin {
namespace {

using namespace understudy::sdk;
using Stage = Dialogue::Stage;

constexpr std::size_t longest_quote = 300;

std::string server(const Ending& e) { return "the mail server " + e.settings.place(); }

std::string quoted(int code, const std::string& text) {
  return std::to_string(code) + (text.empty() ? "" : " " + cut(one_line(text), longest_quote));
}

const char* asked(Stage stage) {
  switch (stage) {
    case Stage::connecting: return "greets with ";
    case Stage::hello: return "answers to EHLO ";
    case Stage::starttls: return "answers to STARTTLS ";
    case Stage::login: return "answers to the login ";
    case Stage::sender: return "answers to the sender ";
    case Stage::recipients: return "answers to the recipient ";
    case Stage::content: break;
  }
  return "answers to the message ";
}

Error network(const Ending& e) {
  if (e.code == CURLE_COULDNT_RESOLVE_HOST || e.code == CURLE_COULDNT_RESOLVE_PROXY) {
    return {Status::transient,
            "the name of " + server(e) + " cannot be resolved: " + e.problem,
            "check host, and this machine's name server",
            "resolve",
            {}};
  }
  const char* kind = e.os_error == ENETUNREACH ? "unreachable" : e.os_error == EHOSTUNREACH ? "no_host" : "refused";
  return {Status::transient,
          server(e) + " cannot be reached: " + e.problem,
          "check host and port; many networks let nothing out to port 25: submission is 587, or 465 with tls",
          kind,
          {}};
}

Error tls(const Ending& e) {
  if (e.code == CURLE_SSL_CACERT_BADFILE)
    return {Status::invalid, "ca_file cannot be used: " + e.problem, "name a PEM file with certificates", "tls", {}};
  if (e.code == CURLE_PEER_FAILED_VERIFICATION) {
    return {Status::transient,
            "the certificate of " + server(e) + " is not trusted: " + e.problem,
            "is host the name that the certificate is for? For a certificate of one's own name it in ca_file",
            "tls",
            {}};
  }
  return {Status::transient,
          "no TLS with " + server(e) + ": " + e.problem,
          e.settings.security == Security::tls
              ? "a port that begins without TLS (587, 25) needs security = \"starttls\""
              : "which versions of TLS does it speak? 1.2 is the least",
          "tls",
          {}};
}

Error no_starttls(const Ending& e) {
  if (e.dialogue.stage() == Stage::starttls && e.dialogue.code() / 100 == 4)
    return {Status::transient,
            server(e) + " answers to STARTTLS " + quoted(e.dialogue.code(), e.dialogue.text()),
            {},
            "tls",
            {}};
  return {Status::invalid,
          server(e) + " offers no STARTTLS, and security asks for it",
          "security = \"tls\" with port 465; \"none\" only where nobody can listen",
          "tls",
          {}};
}

Error timed_out(const Ending& e) {
  Error out{Status::transient, server(e) + " did not answer in time", {}, "timeout", {}};
  if (e.dialogue.stage() == Stage::connecting && e.dialogue.code() == 0 && e.settings.security != Security::tls)
    out.hint = "a port that expects TLS from the first byte stays silent: security = \"tls\" for 465; or raise timeout";
  return out;
}

Error login(const Ending& e) {
  const auto& d = e.dialogue;
  if (d.stage() != Stage::login || d.code() < 400) {
    return {Status::denied,
            server(e) + " offers no login that is known here (PLAIN, LOGIN, CRAM-MD5)",
            "use its submission port, 587 or 465; a relay that knows this machine needs neither user nor password",
            "login",
            {}};
  }
  return {d.code() / 100 == 4 ? Status::transient : Status::denied,
          server(e) + " refuses the login: " + quoted(d.code(), d.text()),
          d.code() / 100 == 4 ? "" : "check user and password; many providers want a password made for one app",
          "login",
          {}};
}

/// What a server that knows us would not say.
std::string hint_stranger(const Ending& e) {
  if (e.settings.user.empty()) return "does it want a login? Set user and password";
  return "it offered no login on this port: use its submission port, 587 or 465";
}

std::string hint_refused(int code, const Ending& e) {
  if (!e.dialogue.tried_login() && (code == 530 || code == 550 || code == 554)) return hint_stranger(e);
  return "is the address right, and does this server deliver to it?";
}

/// Nobody may have it: when one address may do later, the alert is tried again.
Error all_refused(const Ending& e) {
  const auto& all = e.dialogue.refusals();
  const bool later = std::ranges::any_of(all, [](const auto& r) { return r.code / 100 == 4; });
  std::string who;
  for (const auto& r : all) who += (who.empty() ? "" : "; ") + r.address + ": " + quoted(r.code, r.text);
  return {later ? Status::transient : Status::invalid,
          server(e) + " takes mail for none of the recipients: " + who,
          later ? "" : hint_refused(all.front().code, e),
          "recipient",
          {}};
}

std::string hint_said(const Ending& e) {
  const int code = e.dialogue.code();
  if (!e.dialogue.tried_login() && (code == 530 || code == 538 || code == 550)) return hint_stranger(e);
  switch (e.dialogue.stage()) {
    case Stage::connecting: return "it does not want mail from this machine";
    case Stage::hello: return "helo = \"the full name of this machine\"";
    case Stage::sender: return "may this login send as that from?";
    case Stage::content:
      return code == 552 ? "the mailbox is full, or the mail too large"
                         : "it took the mail for spam or against its rules";
    default: return {};
  }
}

Error said_no(const Ending& e) {
  const int code = e.dialogue.code();
  Error out{
      Status::transient, server(e) + " " + asked(e.dialogue.stage()) + quoted(code, e.dialogue.text()), {}, {}, {}};
  if (code / 100 == 4) return out;
  out.status = code == 530 || code == 535 || code == 538 ? Status::denied : Status::invalid;
  out.hint = hint_said(e);
  return out;
}

Error doubt(const Ending& e) {
  const bool late = e.code == CURLE_OPERATION_TIMEDOUT || e.code == CURLE_ABORTED_BY_CALLBACK;
  const std::string why = e.unwanted ? "cancelled" : late ? "no answer in time" : e.problem;
  return {Status::unknown,
          server(e) + " got the message and did not say whether it took it: " + why,
          "it may come twice; its Message-ID is the same",
          late ? "timeout" : "closed",
          {}};
}

bool is_tls(CURLcode code) {
  static const std::vector<CURLcode> all{CURLE_SSL_CONNECT_ERROR,  CURLE_PEER_FAILED_VERIFICATION,
                                         CURLE_SSL_CACERT_BADFILE, CURLE_SSL_CERTPROBLEM,
                                         CURLE_SSL_CIPHER,         CURLE_SSL_ISSUER_ERROR};
  return std::ranges::find(all, code) != all.end();
}

}  // namespace

Error explain(const Ending& e) {
  const auto& d = e.dialogue;
  if (d.in_doubt()) return doubt(e);
  if (e.unwanted) return {Status::cancelled, "the mail was not sent: cancelled", {}, {}, {}};
  switch (e.code) {
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT: return network(e);
    case CURLE_USE_SSL_FAILED: return no_starttls(e);
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_ABORTED_BY_CALLBACK: return timed_out(e);
    case CURLE_LOGIN_DENIED: return login(e);
    default: break;
  }
  if (is_tls(e.code)) return tls(e);
  if (!d.refusals().empty() && d.recipients_taken() == 0) return all_refused(e);
  if (d.code() >= 400) return said_no(e);
  return {Status::transient,
          server(e) + " closed the connection: " + e.problem,
          d.code() == 0 ? "is it a mail server, and does the port speak what security says?" : "",
          "closed",
          {}};
}

}  // namespace smtp_plugin
