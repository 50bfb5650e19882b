package vicicall

import (
	"bytes"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"sync"
)

// A Reply is one whole HTTP answer of VICIdial, classified.
type Reply struct {
	// Outcome is Accepted, Ambiguous, NoActiveCall, AgentNotLoggedIn, Unavailable, LockedOut,
	// or one that an operator must act on.
	Outcome Outcome
	// Line is VICIdial's line rebuilt from its recognised parts, or a description of another answer
	// (HTTP status, length, well-known phrases). Text that was merely echoed is never in it.
	Line string
	// Message is what the reply means and how to fix it, for people.
	Message string
	// Doubtful is set when the Outcome needs a CHECK: of a refusal that names another call or agent than was asked for
	// or is among failures, of a transfer, and of an "unavailable" that a proxy may have written.
	Doubtful bool
	// Listed is set for the answer to a CHECK of a call that is listed.
	Listed bool
}

const (
	stageHangup = "HANGUP"
	stageCheck  = "CHECK"

	successWord   = "SUCCESS"
	successMark   = successWord + ": "
	refusalMark   = "ERROR: "
	noActiveCall  = "no active call found"
	notLoggedIn   = "agent_user is not logged in"
	stageNotValid = "stage is not valid"
	databaseDown  = "MySQL connect ERROR:"
	uncaughtMySQL = "Uncaught mysqli_sql_exception"
)

// refusals are VICIdial's phrases between "ERROR: " and " - ".
var refusals = map[string]Outcome{
	noActiveCall:                NoActiveCall,
	notLoggedIn:                 AgentNotLoggedIn,
	stageNotValid:               RequestRejected,
	"ra_call_control not valid": RequestRejected,
	"phone_number is not valid": RequestRejected,
	"ingroup is not valid":      RequestRejected,
	"Invalid Source":            RequestRejected,
	"auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION": PermissionDenied,
	"System API NOT ACTIVE":                                   APIDisabled,
}

// ParseReply classifies a whole HTTP answer to a HANGUP or CHECK for a call of an agent.
// It knows what every version of VICIdial since 2.2.0-12 prints, does no I/O and never fails.
//
// The outcome is [Accepted] only when the status is 200 and the one significant line, beside PHP warnings and VICIdial's
// own debug output, is the SUCCESS line for this call and agent. Any other SUCCESS, and a 5xx without a verdict, is
// [Ambiguous].
func ParseReply(status int, body []byte, callID, agentUser string) Reply {
	s := scan(body)
	switch {
	case s.successes > 0:
		return parseSuccess(s, status, body, callID, agentUser)
	case s.refusals == 1:
		return parseRefusal(s.refusal, body, callID, agentUser)
	case s.databaseDown || bytes.Contains(body, []byte(uncaughtMySQL)):
		return newReply(Unavailable, "no database: "+describe(status, body))
	case status == http.StatusInternalServerError && s.significant == 0 && !s.decorated:
		return newReply(Unavailable, describe(status, body))
	case status == http.StatusServiceUnavailable && containsAny(body, []string{"Service Unavailable", "Service Temporarily Unavailable"}):
		r := newReply(Unavailable, describe(status, body))
		r.Doubtful = true
		return r
	case status >= http.StatusInternalServerError:
		return newReply(Ambiguous, describe(status, body))
	}
	if status == http.StatusOK && s.significant == 1 {
		if r, ok := parseTranslated(s.line, body, callID, agentUser); ok {
			return r
		}
	}
	return unexpected(status, body, s)
}

func newReply(o Outcome, line string) Reply {
	return Reply{Outcome: o, Line: line, Message: o.Advice()}
}

func parseSuccess(s scanned, status int, body []byte, callID, agentUser string) Reply {
	alone := status == http.StatusOK && s.significant == 1
	want := successMark + "ra_call_control hungup - " + agentUser + "|" + callID + "|" + stageHangup
	transfer := successMark + "ra_call_control transfer - " + agentUser + "|" + callID + "|"
	number, isTransfer := strings.CutPrefix(string(s.line), transfer)
	switch {
	case alone && string(s.line) == want:
		return newReply(Accepted, want)
	case alone && isTransfer && isTransferNumber(number):
		return Reply{Outcome: Accepted, Line: transfer, Message: adviceTransfer, Doubtful: true}
	}
	r := newReply(Ambiguous, successWord)
	reason := "in other words than expected, or for another call or agent"
	if string(s.success) == want {
		r.Line, reason = want, fmt.Sprintf("and then failed (%s)", describe(status, body))
	}
	r.Message = "VICIdial printed SUCCESS " + reason + ": only a CHECK shows whether the call is still listed"
	return r
}

// isTransferNumber is for the telephone number of a transfer, mostly empty.
var isTransferNumber = madeOf(alphanum+"*#", 0, 18)

func parseRefusal(line, body []byte, callID, agentUser string) Reply {
	text := string(line[len(refusalMark):])
	if fields, ok := strings.CutPrefix(text, loginMark); ok {
		return loginReply(loginMessage(fields))
	}
	if strings.HasPrefix(text, forkedLogin) {
		return loginReply("")
	}
	phrase, data, _ := strings.Cut(text, " -")
	data = strings.TrimPrefix(data, " ")
	outcome, known := refusals[phrase]
	if !known { // of some languages only the word ERROR is English
		r, ok := parseTranslated(line, body, callID, agentUser)
		if !ok {
			r = Reply{Outcome: UnexpectedReply, Line: refusalMark + "(unknown words)", Message: adviceUnknownWords}
		}
		return r
	}
	r := newReply(outcome, refusalMark+phrase)
	if data == callID || data == agentUser || data == stageCheck || data == stageHangup {
		r.Line += " - " + data
	}
	r.Listed = phrase == stageNotValid && data == stageCheck
	switch {
	case phrase == noActiveCall && data != callID:
		r.Doubtful, r.Message = true, adviceOtherCall
	case phrase == notLoggedIn && data != agentUser:
		r.Doubtful, r.Message = true, adviceOtherAgent
	case (phrase == noActiveCall || phrase == notLoggedIn) && containsAny(body, queryFailures):
		r.Doubtful, r.Message = true, adviceBrokenRefusal
	}
	return r
}

const (
	loginMark   = "Invalid Username/Password: |" // followed by user|password|login|API access|message|…
	forkedLogin = "Invalid Username: |"          // a fork of 2.4 that does not look at the password
)

// loginMessage returns the fifth field, "" in versions up to 2.6. It is found by its place: a user may be named LOCK.
func loginMessage(fields string) string {
	parts := strings.SplitN(fields, "|", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[4]
}

// loginReply keeps nothing but the message of a refused login, which echoes the password up to twice.
func loginReply(message string) Reply {
	outcome, ok := loginOutcomes[message]
	switch {
	case !ok && strings.HasPrefix(message, "ERR"):
		outcome, message = NoActiveServer, "ERR"
	case !ok:
		outcome, message = CredentialsRejected, ""
	}
	line := refusalMark + "Invalid Username/Password"
	if message != "" {
		line += ": |…|" + message + "|"
	}
	return newReply(outcome, line)
}

var loginOutcomes = map[string]Outcome{
	"BAD":        CredentialsRejected,
	"GOOD":       APIAccessDenied,
	"LOCK":       LockedOut,
	"IPBLOCK":    IPBlocked,
	"ERRSERVERS": NoActiveServer,
	"ERRPHONES":  NoActiveServer,
	"ERRAGENTS":  NoActiveServer,
}

// Messages about replies that are more precise than the outcome's own.
const (
	adviceTranslated    = "VICIdial answered in another language than English and did nothing: set the API user's language to \"default English\""
	adviceUnknownWords  = "VICIdial refused in unknown words: in another language (set the API user's language to \"default English\"), or those of a newer version"
	adviceOtherCall     = "VICIdial answered about another call than the one that was asked for: something on the way changes or repeats requests"
	adviceOtherAgent    = "VICIdial answered about another agent than the one that was asked for: before 2.14-75 it strips - and _ from agent_user"
	adviceBrokenRefusal = "VICIdial printed a refusal among failures of its database: it is not reliable"
	adviceTransfer      = "VICIdial answered a hang-up with a transfer: something on the way changes requests"
	adviceEmpty         = "VICIdial answered nothing, as it does to an unknown function: it is older than 2.2.0-12, or this is not the agent's api.php (agc/api.php)"
	adviceNotFound      = "there is no agc/api.php at this address: check url"
	adviceForbidden     = "the web server or a firewall before VICIdial refuses this caller"
	adviceRedirect      = "the web server redirects, and a redirect is never followed with a password: give the address that it redirects to as url"
	adviceTLSNotSpoken  = "the address speaks no TLS on this port: check the scheme and port of url"
)

// translatedMark begins the Line of a Reply in another language than English.
const translatedMark = "(translated) "

// parseTranslated recognises VICIdial's lines by what no language changes: the fields of a refused login, and the data
// after the phrase. VICIdial compares the translated word with "SUCCESS", so it has done nothing, whatever the line is.
func parseTranslated(line, body []byte, callID, agentUser string) (Reply, bool) {
	word, text, ok := strings.Cut(string(line), ": ")
	if !ok || word == "" || len(word) > 60 || strings.ContainsAny(word, "<>|/") {
		return Reply{}, false
	}
	if _, fields, ok := strings.Cut(text, ": |"); ok {
		message := loginMessage(fields)
		_, known := loginOutcomes[message]
		return loginReply(message), known
	}
	r := Reply{Outcome: UnexpectedReply, Message: adviceTranslated}
	switch {
	case strings.HasSuffix(text, " - "+callID):
		r = newReply(NoActiveCall, translatedMark+noActiveCall+" - "+callID)
	case strings.HasSuffix(text, " - "+agentUser):
		r = newReply(AgentNotLoggedIn, translatedMark+notLoggedIn+" - "+agentUser)
	case strings.HasSuffix(text, " - "+agentUser+"|"+callID+"|"+stageHangup):
		r.Line = translatedMark + "- " + agentUser + "|" + callID + "|" + stageHangup
	case strings.Contains(text, "ra_call_control"), strings.Contains(text, "|"+agentUser+"|"):
		r.Line = translatedMark + "ra_call_control"
	case strings.HasSuffix(text, " - "+stageCheck):
		r.Line = translatedMark + "- " + stageCheck
	case translatedWords[strings.TrimSpace(word)], strings.Contains(strings.ToLower(text), "api"),
		word != "ERROR" && strings.EqualFold(strings.TrimSpace(word), "error") && strings.Contains(text, " - "):
		r.Line = translatedMark + "(other words)"
	default:
		return Reply{}, false
	}
	switch {
	case r.Outcome == UnexpectedReply:
	case containsAny(body, queryFailures):
		r.Doubtful, r.Message = true, adviceBrokenRefusal
	default:
		r.Message += " (" + adviceTranslated + ")"
	}
	return r, true
}

// translatedWords are SUCCESS and ERROR in the languages that VICIdial ships, without words that proxies use too.
var translatedWords = map[string]bool{
	"fejl": true, "succes": true, "FOUT": true, "SUCCES": true, "BŁĄD": true, "SUKCES": true, "erro": true, "sucesso": true,
	"ошибка": true, "успех": true, "FEL": true, "LYCKADES": true, "framgång": true, "ÚSPECH": true, "錯誤": true, "成功": true,
	"エラー": true, "Fehler": true, "Erfolg": true, "σφάλμα": true, "επιτυχία": true, "Exitoso": true, "ÉXITO": true,
	"erreur": true, "succès": true, "errore": true, "successo": true,
}

func unexpected(status int, body []byte, s scanned) Reply {
	r := newReply(UnexpectedReply, describe(status, body))
	switch {
	case status == http.StatusNotFound:
		r.Message = adviceNotFound
	case status == http.StatusForbidden || status == http.StatusUnauthorized || status == http.StatusTooManyRequests:
		r.Message = adviceForbidden
	case status >= 300 && status < 400:
		r.Message = adviceRedirect
	case status == http.StatusOK && s.significant == 0:
		r.Message = adviceEmpty
	}
	return r
}

// failures are phrases that PHP and VICIdial print when they stop halfway.
var failures = []string{"Could not connect", "Fatal error", "Uncaught"}

// queryFailures are those of a table that could not be read, too: an empty result proves nothing then (before PHP 8).
var queryFailures = append([]string{"_fetch_row()", "_num_rows()"}, failures...)

// knownPhrases may stand in descriptions.
var knownPhrases = append([]string{
	"MySQL connect ERROR", "mysqli_sql_exception", "Not Found", "Forbidden", "Moved Permanently",
	"Bad Gateway", "Gateway Time-out", "Gateway Timeout", "Service Unavailable", "Service Temporarily Unavailable",
}, failures...)

// describe returns a description of a body that quotes nothing but known phrases.
func describe(status int, body []byte) string {
	text := fmt.Sprintf("HTTP %d, %d bytes", status, len(body))
	for _, phrase := range knownPhrases {
		if bytes.Contains(body, []byte(phrase)) {
			text += ", " + phrase
		}
	}
	return text
}

func containsAny(body []byte, phrases []string) bool {
	for _, phrase := range phrases {
		if bytes.Contains(body, []byte(phrase)) {
			return true
		}
	}
	return false
}

// scanned is a body, divided into significant lines and decoration.
type scanned struct {
	text        []byte // from the first significant line to the last
	significant int    // lines that are neither blank nor decoration
	decorated   bool   // by PHP's warnings, VICIdial's debug output or its link to close the window
	line        []byte // the last significant line: the only one when significant is 1
	successes   int    // significant lines with SUCCESS in them
	success     []byte // the last of them
	refusals    int    // significant lines that begin with "ERROR: "
	refusal     []byte // the last of them

	databaseDown bool
}

func scan(body []byte) scanned {
	var s scanned
	start, next := -1, 0
	for full := range bytes.Lines(body) {
		end := next + len(bytes.TrimRight(full, "\r\n"))
		line := bytes.TrimLeft(body[next:end], "\ufeff \t")
		next += len(full)
		switch {
		case len(line) == 0:
			continue
		case isDecoration(line):
			s.decorated = true
			continue
		case bytes.HasPrefix(line, []byte(refusalMark)):
			s.refusals++
			s.refusal = line
		case bytes.Contains(line, []byte(successWord)):
			s.successes++
			s.success = line
		case bytes.HasPrefix(line, []byte(databaseDown)):
			s.databaseDown = true
		}
		if start < 0 {
			start = end - len(line)
		}
		s.text = body[start:end]
		s.significant++
		s.line = line
	}
	return s
}

func isDecoration(line []byte) bool {
	comment, isComment := bytes.CutPrefix(line, []byte("<!-- "))
	_, after, closed := bytes.Cut(comment, []byte("-->"))
	if containsAny(line, failures) || bytes.Contains(line, []byte(successMark)) {
		return false
	}
	return decoration().Match(line) || isComment && closed && (len(after) == 0 || decoration().Match(after))
}

// decoration is a line that PHP or VICIdial prints beside the one that matters: PHP's messages with display_errors=On,
// with and without html_errors; SQL statements and the page's frame with format=debug or DB=1; the link of
// close_window_link=1, whose words are translated. Most replies have none, so it is compiled when it is first needed.
var decoration = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^(?s:` + strings.Join([]string{
		`<br />`,
		`<b>(Warning|Notice|Deprecated|Strict Standards)</b>: .* on line <b>[0-9]+</b><br />`,
		`(PHP )?(Warning|Notice|Deprecated|Strict Standards): .* on line [0-9]+`,
		`(SELECT|select|INSERT|UPDATE|DELETE) .*;`,
		`\|(SELECT|select|INSERT|UPDATE|DELETE) .*;\|`,
		`<html>|<head>|</head>|</body>|</html>|<title>VICIDiaL Agent API</title>|<!-- VERSION: .*|<BODY BGCOLOR=white .*`,
		`<a href="javascript:window\.opener='x';window\.close\(\);">[^<>]*</a>`,
	}, "|") + `)$`)
})
