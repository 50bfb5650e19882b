package doctor

import "strings"

// catalogue has all faults except VICIdial's refusals of an account, whose texts are those of their
// outcomes. newFinding replaces the words in braces.
var catalogue = map[string]struct {
	warning      bool // webhooks are served all the same
	what, remedy string
}{
	"configuration": {false, "{cause}", "Set it in the function's environment, or correct sources.json; what it concerns is answered misconfigured until then"},
	"dry_run":       {true, "DRY_RUN is on: calls are checked and none is ended", "Set DRY_RUN=false to end calls"},
	"budget_too_long": {false, "source {source} has a budget of {budget} ms, and Lambda ends the function after {limit} ms, before it can answer",
		"Lower REQUEST_BUDGET or the source's budget, or raise the function's Timeout (and the gateway's above it)"},
	"vicidial_too_slow": {true, "VICIdial took {took} ms for one answer, and of source {source}'s {budget} ms a hang-up may take {share} %",
		"Look at the load of VICIdial's web server and database, or raise REQUEST_BUDGET if the sender waits longer"},

	"secret_region":    {false, "{name} is in region {region}, but the function looks in {asked}", "Create the secret in the function's region, or replicate it there, and set that ARN"},
	"secret_denied":    {false, "{name}: {cause}", "Allow the function's role to read exactly this ARN (secretsmanager:GetSecretValue, kms:Decrypt on a key of your own)"},
	"secret_not_found": {false, "{name}: {cause}", "Set the ARN of a secret that exists in the function's own region and has a value"},
	"secret_malformed": {false, "{name}: {cause}", "Store a corrected value; function/docs/reference.md shows its form"},
	"secret_unavailable": {false, "{name}: {cause}",
		"Run this again; if it stays, give the function's subnets a NAT gateway or an interface endpoint of Secrets Manager"},
	"secret_previous": {true, "the previous version of {name} can't be used, so its keys no longer count: {cause}", "Nothing, once every sender has the new key"},
	"vicidial_secret": {false, "VICIdial's secret: {cause}", "Store a corrected value; function/docs/reference.md shows its form"},

	"no_source": {false, "no source can be used: none has a valid key", "Run `vicihook keys make SOURCE`, and give the key to the sender"},
	"key_refused": {false, "{cause}",
		"If the sender made the key, copy it again and run `vicihook keys merge {source} --replace`; else run `vicihook keys make {source} --replace` and give the new key to the sender"},
	"paused":         {true, "source {source} is paused: its deliveries are answered 503", "Run `vicihook keys resume {source}`"},
	"no_key":         {true, "source {source} has no key: its deliveries are refused", "Run `vicihook keys make {source}`, or take the source out of sources.json"},
	"unknown_source": {true, "the webhook secret has {count} names that sources.json lacks", "Add the source, or run `vicihook keys remove NAME`"},
	"shared_key": {true, "sources {one} and {other} have a key in common: what one refuses can be sent to the other, so each may end what the wider of them may",
		"Give one of the two senders another key: `vicihook keys make {other} --replace` if the sender takes yours, `vicihook keys merge {other} --replace` if it makes its own"},
	"public_url": {false, "source {source} signs the URL, and PUBLIC_URL is not set: its deliveries are refused",
		"Set PUBLIC_URL to the base URL as senders see it, without /webhooks/"},

	"dns_unknown": {false, "DNS has no address for {host}", "Correct url in VICIdial's secret; a name of a private zone needs that zone attached to the function's VPC"},
	"dns_silent":  {false, "DNS did not answer for {host}", "Let the function's subnets reach a resolver: VPC setting enableDnsSupport, or the resolver's firewall"},
	"tcp_refused": {false, "{server} refuses the connection: nothing listens there, or a firewall rejects",
		"Start VICIdial's web server, or correct host and port of url in VICIdial's secret"},
	"tcp_dropped": {false, "{server} does not answer: a firewall drops the packets, or there is no route",
		"Let the function's fixed address through VICIdial's firewall (ViciBox: the white list), and check that the function's subnets have a NAT gateway"},
	"tcp_unreachable": {false, "{server} can't be reached: {reason}", "Check that the function's subnets and security group have a route to VICIdial"},
	"plain_http": {true, "{server} is reached over plain http: everybody on the network path can read the password",
		"Put https:// into url of VICIdial's secret; a self-signed certificate works with tls_pin"},

	"tls_pin_mismatch": {false, "the public key of {server} is not in tls_pin: it is {pin}",
		"If VICIdial's key was renewed, add this pin to tls_pin of VICIdial's secret; if not, somebody intercepts the connection"},
	"tls_self_signed": {false, "the certificate of {server} is signed by itself ({pin})",
		`Compare that pin on VICIdial's own machine, then add "tls_pin": ["{pin}"] to VICIdial's secret`},
	"tls_not_yet_valid": {false, "the certificate of {server} is valid only from {begin} on", "Correct the clock of the machine that issued it, or wait"},
	"tls_expired":       {false, "the certificate of {server} expired on {end}", "Renew it on VICIdial's web server"},
	"tls_expiring":      {true, "the certificate of {server} expires in {days} days, on {end}", "Renew it on VICIdial's web server"},
	"tls_wrong_name":    {false, "the certificate of {server} is for {names}", "Put one of these names as url into VICIdial's secret, or use tls_pin: {pin}"},
	"tls_wrong_ca": {false, `the certificate of {server} does not lead to ca; its issuer is "{issuer}"`,
		"Put that issuer's own certificate as ca into VICIdial's secret"},
	"tls_unknown_authority": {false, `the certificate of {server} leads to no public root; its issuer is "{issuer}"`,
		"If that is a public one, let VICIdial's web server send its whole chain; if it is yours, put its certificate as ca into VICIdial's secret, or tls_pin: {pin}"},
	"tls_untrusted":  {false, "the certificate of {server} can't be trusted: {reason}", "Renew it on VICIdial's web server"},
	"tls_not_spoken": {false, "{server} speaks no TLS", "Correct scheme and port of url in VICIdial's secret, or set up https on VICIdial's web server"},
	"tls_too_old": {false, "{server} speaks only TLS older than 1.2",
		"Let VICIdial's web server speak TLS 1.2 (Apache: SSLProtocol), or put a proxy before it that does"},
	"tls_silent": {false, "{server} accepts the connection and sends nothing", "Look at the load of VICIdial's web server, and at the proxy or firewall before it"},
	"tls_handshake": {false, "{server} breaks off the TLS handshake: {reason}",
		"Look at the TLS settings of VICIdial's web server: host name (SNI), ciphers, client certificates"},

	"redirect": {false, "{server}: {message}: {reason}", "Put that address as url into VICIdial's secret"},
	"vicidial_down": {false, "{server}: {message}",
		"On VICIdial's machine check that its database runs and has connections left, and at the web server's error log"},
	"wrong_path": {false, "{server}: {message}", "Let url in VICIdial's secret end before /agc/api.php, with the path before it, if any"},
	"web_server_refuses": {false, "{server}: {message}",
		"Let the function's fixed address through: Apache's Require, ViciBox's dynamic portal, or the proxy before VICIdial"},
	"not_vicidial": {false, "{server}: {message}", "Correct url in VICIdial's secret: it must lead to VICIdial's web server, with nothing before it that answers by itself"},
	"clock":        {true, "the clock of {server} is {off}", "Synchronize VICIdial's machines and this one by NTP: call ids, lockouts and logs depend on it"},

	"language": {false, "the API user's language is not English, and with a translation VICIdial hangs up nothing",
		"Admin → Users → the API user: set Language to default English"},
	"password_characters": {false, "the password contains one of . + / =, which VICIdial {version} strips, so it never matches",
		"Admin → Users → the API user: set a Password of letters and digits, and put it into VICIdial's secret"},
	"user_characters": {false, "user or password contains - or _, which VICIdial {version} strips, so it never matches",
		"Make an API user whose name and password are of letters and digits, and put it into VICIdial's secret"},
	"lookup_missing": {false, "VICIdial's secret has no account for looking calls up, which {sources} needs: its deliveries are answered misconfigured",
		`Put "lookup": {"user": …, "pass": …} into VICIdial's secret: a user of level 7 with View Reports 1, Agent API Access 1, and agent_status and logged_in_agents among its Allowed API Functions`},
	"lookup_sees_nobody": {true, "the lookup account sees no agent: nobody is logged in, or its user group may not view the agents",
		"If agents are logged in: Admin → User Groups → the lookup user's group: add the agents' groups to Viewable User Groups, and their campaigns to Allowed Campaigns"},
}

// newFinding returns the finding of a fault. words are pairs of a placeholder in braces and its value.
func newFinding(fault string, words ...string) Finding {
	text := catalogue[fault]
	fill := strings.NewReplacer(words...)
	return Finding{Fault: fault, Warning: text.warning, What: fill.Replace(text.what), Remedy: fill.Replace(text.remedy)}
}
