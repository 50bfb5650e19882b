package vicitest

import "time"

const (
	longer    = 10 * time.Second // than anybody waits
	dripEvery = 100 * time.Millisecond
	queueDown = everything &^ booking         // QueueMetrics' database failed: nothing after the booking
	sqlStrict = ordering | sending | clearing // strict SQL refuses these, and PHP below 8.1 goes on
)

// catalogue has every fault; About says what becomes of list and line.
var catalogue = []definition{
	// PHP and the database, before anything is printed.
	{info: FaultInfo{"database-down", "", "VICIdial's database is down, PHP below 8.1: 200 and MySQL connect ERROR"},
		before: asObserved("2.14-82", "VICIdial database unreachable; PHP < 8.1 behaviour, display_errors off")},
	{info: FaultInfo{"database-down-500", "", "VICIdial's database is down, PHP 8.1 or later: an empty 500"},
		before: asObserved("2.14-82", "VICIdial database unreachable; PHP >= 8.1, display_errors off")},
	{info: FaultInfo{"database-down-shown", "", "the same with display_errors on: 200 and a fatal error"},
		before: asObserved("2.14-82", "VICIdial database unreachable; PHP >= 8.1, display_errors on")},
	{info: FaultInfo{"restart", "", "VICIdial's database was restarted: no call is listed any more, lines and agents stay"},
		before: restarts},
	{info: FaultInfo{"agents-table-broken", "", "PHP 5 with a broken vicidial_live_agents: nobody seems to be logged in"},
		blind: "vicidial_live_agents"},
	{info: FaultInfo{"calls-table-broken", "", "PHP 5 with a broken vicidial_auto_calls: no call seems to be listed"},
		blind: "vicidial_auto_calls"},

	// SUCCESS first, failure after.
	{info: FaultInfo{"does-nothing", "HANGUP", "prints SUCCESS and does nothing: the call stays listed and up"},
		without: everything},
	{info: FaultInfo{"translated", "", "the API user's language is Spanish: the word differs, and nothing is done"},
		words: Spanish(), agentOnly: true},
	{info: FaultInfo{"success-then-500", "HANGUP", "QueueMetrics' database is down, PHP 8.1 or later: 500 and the SUCCESS line; booked, listed, up"},
		without: queueDown, onSuccess: true, turn: status500},
	{info: FaultInfo{"success-then-refused", "HANGUP", "the same, PHP below 8.1: SUCCESS and Could not connect; booked, listed, up"},
		without: queueDown, onSuccess: true, turn: couldNotConnect},
	{info: FaultInfo{"success-then-fatal", "HANGUP", "the same, PHP 8.1 or later with display_errors on: SUCCESS between warnings and a fatal error; booked, listed, up"},
		without: queueDown, onSuccess: true, turn: fatalShown},
	{info: FaultInfo{"success-then-clean", "HANGUP", "the same under Apache without output buffering: a clean 200 SUCCESS; booked, listed, up"},
		without: queueDown, onSuccess: true, turn: cleanPage},
	{info: FaultInfo{"success-then-silence", "HANGUP", "QueueMetrics' host accepts and never answers: no answer at all; booked, listed, up"},
		without: queueDown, onSuccess: true, send: hang},
	{info: FaultInfo{"strict-sql-500", "HANGUP", "strict SQL, PHP 8.1 or later: 500 and the SUCCESS line; booked unless the status is too long; listed, up"},
		strict: true, without: queueDown, onSuccess: true, turn: status500},
	{info: FaultInfo{"strict-sql-clean", "HANGUP", "strict SQL, PHP below 8.1: a clean SUCCESS; delisted, agent READY, but the line stays up"},
		strict: true, without: sqlStrict},
	{info: FaultInfo{"first-requests-collide", "HANGUP", "the first two requests ever at once, PHP 8.1 or later: 500 and the SUCCESS line, nothing done"},
		without: everything, onSuccess: true, turn: status500},
	{info: FaultInfo{"sender-stopped", "HANGUP", "the hang-up is queued and never sent to Asterisk: SUCCESS, delisted, but the line stays up"},
		without: sending},

	// Time.
	{info: FaultInfo{"slow-work", "", "waits, then does the work and answers, whether or not the client is still there"},
		before: waits, delay: longer},
	{info: FaultInfo{"slow-middle", "HANGUP", "waits between the checks and the work, so that two requests may both print SUCCESS"},
		pause: true, delay: longer},
	{info: FaultInfo{"slow", "", "does the work at once and answers late"},
		send: late, delay: longer},
	{info: FaultInfo{"silent", "", "does the work and never answers"},
		send: hang},
	{info: FaultInfo{"silent-undone", "", "does nothing and never answers"},
		before: unanswered(hang)},
	{info: FaultInfo{"slow-headers", "", "sends the answer byte by byte from its first"},
		send: dripAll, delay: dripEvery},
	{info: FaultInfo{"slow-body", "", "sends the headers at once and the body byte by byte"},
		send: dripBody, delay: dripEvery},

	// The connection.
	{info: FaultInfo{"dropped", "", "does the work and closes the connection without an answer"},
		send: (*exchange).close},
	{info: FaultInfo{"dropped-undone", "", "closes the connection without an answer; nothing done"},
		before: unanswered((*exchange).close)},
	{info: FaultInfo{"reset", "", "does the work and resets the connection"},
		send: resetConn},
	{info: FaultInfo{"reset-midway", "HANGUP", "resets the connection amid the work: booked, listed, up"},
		without: queueDown, onSuccess: true, send: resetConn},
	{info: FaultInfo{"reset-undone", "", "resets the connection; nothing done"},
		before: unanswered(resetConn)},
	{info: FaultInfo{"cut", "", "closes the connection in the middle of the answer"},
		send: cutOff},
	{info: FaultInfo{"cut-undone", "HANGUP", "the same, and the work is not done"},
		without: everything, send: cutOff},
	{info: FaultInfo{"closes-after", "", "answers with Connection: close"},
		send: closeAfter},
	{info: FaultInfo{"closes-silently", "", "answers as if the connection stayed open, and closes it"},
		send: closeSilently},

	// The answer.
	{info: FaultInfo{"warnings", "", "PHP warnings are shown before and after the line"},
		turn: warnings},
	{info: FaultInfo{"other-call", "", "the line names another call"},
		turn: otherCall, agentOnly: true},
	{info: FaultInfo{"other-call-undone", "HANGUP", "the line names another call, and the work is not done"},
		without: everything, turn: otherCall, agentOnly: true},
	{info: FaultInfo{"other-agent", "", "the line names another agent"},
		turn: otherAgent, agentOnly: true},
	{info: FaultInfo{"other-agent-undone", "HANGUP", "the line names another agent, and the work is not done"},
		without: everything, turn: otherAgent, agentOnly: true},
	{info: FaultInfo{"endless", "", "the answer never ends"},
		send: flood(endless)},
	{info: FaultInfo{"huge", "", "200 MB follow the line"},
		send: flood(hugeSize)},
	{info: FaultInfo{"empty", "", "200 and an empty body"},
		turn: replace(empty)},
	{info: FaultInfo{"empty-undone", "", "200 and an empty body; nothing done"},
		before: instead(empty)},
	{info: FaultInfo{"garbage", "", "200 and a page that is not VICIdial's"},
		turn: replace(garbage)},
	{info: FaultInfo{"garbage-undone", "", "the same; nothing done"},
		before: instead(garbage)},
	{info: FaultInfo{"proxy-502", "", "a proxy's 502 hides the finished work"},
		turn: replace(badGateway)},
	{info: FaultInfo{"proxy-502-undone", "", "a proxy's 502; nothing done"},
		before: instead(badGateway)},
	{info: FaultInfo{"proxy-gives-up", "", "a proxy waits, gives up with a 502, and the work is done as long after"},
		before: givesUp, delay: 1200 * time.Millisecond, send: nothing},
	{info: FaultInfo{"busy-503", "", "the web server's 503; nothing done"},
		before: asObserved("any", "load balancer or overloaded web server")},
	{info: FaultInfo{"redirect", "", "301 to Location, another host; nothing done"},
		before: redirects},

	// The agent.
	{info: FaultInfo{"agent-logs-off", "HANGUP", "the agent named logs off before the next request"},
		turn: logsOff},
}
