package infra_test

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// templates are all templates that get deployed.
var templates = []string{"../template.yaml", "network.yaml", "rest.yaml", "bootstrap.yaml"}

func TestParametersAreDescribedAndConstrained(t *testing.T) {
	for _, path := range templates {
		c := readTemplate(t, path)
		if len(c.Parameters) == 0 {
			t.Errorf("%s has no parameters", path)
		}
		groups := grouped(c)
		for name := range c.Parameters {
			parameter := at(c.Parameters, name)
			if text, _ := parameter["Description"].(string); len(text) < 10 {
				t.Errorf("%s: parameter %s is not described", path, name)
			}
			if !constrained(parameter) {
				t.Errorf("%s: parameter %s is not constrained, or its pattern has no words", path, name)
			}
			if groups[name] != 1 {
				t.Errorf("%s: parameter %s is in %d groups", path, name, groups[name])
			}
			checkDefault(t, path, name, parameter)
		}
		for name := range groups {
			if c.Parameters[name] == nil {
				t.Errorf("%s: the groups name %s, which is not a parameter", path, name)
			}
		}
	}
}

// withoutDefault are parameters whose value only the operator, or template.yaml, can know.
var withoutDefault = []string{"Repository", "Stage", "FunctionAliasArn", "AccessLogGroupArn", "ApiName"}

func checkDefault(t *testing.T, path, name string, parameter object) {
	t.Helper()
	value, has := parameter["Default"].(string)
	switch {
	case !has && slices.Contains(withoutDefault, name):
	case !has:
		t.Errorf("%s: parameter %s has no default", path, name)
	case !takes(t, parameter, value):
		t.Errorf("%s: parameter %s does not take its own default %q", path, name, value)
	}
}

func grouped(c cloudFormation) map[string]int {
	times := map[string]int{}
	for _, group := range list(at(c.Metadata, "AWS::CloudFormation::Interface")["ParameterGroups"]) {
		for _, name := range texts(at(group)["Parameters"]) {
			times[name]++
		}
	}
	return times
}

func constrained(parameter object) bool {
	_, pattern := parameter["AllowedPattern"]
	_, words := parameter["ConstraintDescription"]
	_, least := parameter["MinValue"]
	_, most := parameter["MaxValue"]
	return len(list(parameter["AllowedValues"])) > 0 || pattern && words || least && most
}

// takes reports whether CloudFormation accepts the value for the parameter.
func takes(t *testing.T, parameter object, value string) bool {
	t.Helper()
	if allowed := texts(parameter["AllowedValues"]); allowed != nil && !slices.Contains(allowed, value) {
		return false
	}
	if pattern, ok := parameter["AllowedPattern"].(string); ok && !regexp.MustCompile("^(?:"+pattern+")$").MatchString(value) {
		return false
	}
	if most, ok := parameter["MaxLength"].(string); ok {
		if limit, _ := strconv.Atoi(most); len(value) > limit {
			return false
		}
	}
	if parameter["MinValue"] == nil {
		return true
	}
	n := number(t, value)
	return n >= number(t, parameter["MinValue"]) && n <= number(t, parameter["MaxValue"])
}

func TestParameterPatterns(t *testing.T) {
	arn := "arn:aws:secretsmanager:eu-central-1:123456789012:secret:"
	for name, values := range map[string]struct{ taken, refused []string }{
		"VICIdialUrl": {
			[]string{"", "https://dialer.example.com", "http://10.0.0.5:8080/vici"},
			[]string{"dialer.example.com", "https://user:pass@dialer.example.com", "https://dialer.example.com/?pass=x", "ftp://x"}},
		"WebhookSecretArn": {
			[]string{"", arn + "webhook-keys-AbCdEf", arn + "prod/vicihook/keys-a1B2c3"},
			[]string{"webhook-keys", arn + "webhook-keys", arn + "a name that has blanks-AbCdEf", arn + "a-name-of-more-than-forty-one-characters-in-all-AbCdEf"}},
		"PreviousKeysFor":  {[]string{"0", "24h", "1h30m"}, []string{"", "1 day", "24", "-1h", "100h100m100s"}},
		"PublicUrl":        {[]string{"", "https://hooks.example.com:8443/a"}, []string{"http://hooks.example.com", "https://hooks.example.com?x=1", "https://a/https://b"}},
		"SubnetIds":        {[]string{"", "subnet-0a0a0a0a", "subnet-0a0a0a0a,subnet-0b0b0b0b0b0b0b0b0"}, []string{"subnet-x", "subnet-0a0a0a0a, subnet-0b0b0b0b", "vpc-0a0a0a0a"}},
		"SecurityGroupIds": {[]string{"", "sg-0a0a0a0a,sg-0b0b0b0b0b0b0b0b0"}, []string{"default", "sg-0a0a0a0a;sg-0b0b0b0b"}},
		"DomainName":       {[]string{"", "hooks.example.com"}, []string{"localhost", "Hooks.example.com", "https://hooks.example.com", "-a.example.com"}},
		"CertificateArn":   {[]string{"", "arn:aws:acm:eu-central-1:123456789012:certificate/0a1b-2c"}, []string{"certificate", arn + "x-AbCdEf"}},
		"RequestBudget":    {[]string{"1000", "8000"}, []string{"999", "8001"}},
		"AlarmEmail":       {[]string{"", "ops@example.com"}, []string{"ops", "ops@example", "a b@example.com"}},
		"KmsKeyArn":        {[]string{"", "arn:aws-us-gov:kms:us-gov-west-1:123456789012:key/mrk-0a"}, []string{"alias/x", "arn:aws:kms:eu-central-1:123456789012:alias/x"}},
	} {
		parameter := at(readTemplate(t, "../template.yaml").Parameters, name)
		for _, value := range values.taken {
			if !takes(t, parameter, value) {
				t.Errorf("%s refuses %q", name, value)
			}
		}
		for _, value := range values.refused {
			if takes(t, parameter, value) {
				t.Errorf("%s takes %q", name, value)
			}
		}
	}
}

func TestRulesRefuseParametersThatContradict(t *testing.T) {
	const (
		subnets     = "subnet-0a0a0a0a"
		groups      = "sg-0c0c0c0c"
		certificate = "arn:aws:acm:eu-central-1:123456789012:certificate/0a"
	)
	for name, test := range map[string]struct {
		values map[string]string
		says   string
	}{
		"the defaults":                {nil, ""},
		"an own network":              {map[string]string{"SubnetIds": subnets, "SecurityGroupIds": groups}, ""},
		"fixed addresses":             {map[string]string{"FixedAddresses": "2", "VICIdialUrl": "https://dialer.example.com"}, ""},
		"a domain":                    {map[string]string{"DomainName": "hooks.example.com", "CertificateArn": certificate, "HostedZoneId": "Z1"}, ""},
		"a domain and no certificate": {map[string]string{"DomainName": "hooks.example.com"}, "DomainName needs CertificateArn"},
		"a certificate and no domain": {map[string]string{"CertificateArn": certificate}, "CertificateArn needs DomainName"},
		"a zone and no domain":        {map[string]string{"HostedZoneId": "Z1"}, "HostedZoneId needs DomainName"},
		"subnets and no group":        {map[string]string{"SubnetIds": subnets}, "SubnetIds needs SecurityGroupIds"},
		"a group and no subnets":      {map[string]string{"SecurityGroupIds": groups}, "SecurityGroupIds needs SubnetIds"},
		"an own network with fixed addresses": {
			map[string]string{"SubnetIds": subnets, "SecurityGroupIds": groups, "FixedAddresses": "1"}, "FixedAddresses makes a network of its own"},
		"an own network with VICIdialUrl": {
			map[string]string{"SubnetIds": subnets, "SecurityGroupIds": groups, "VICIdialUrl": "https://dialer.example.com"}, "as url"},
	} {
		refusals := deployed(t, "../template.yaml", "vicihook", test.values).refusals()
		if test.says == "" && refusals != nil {
			t.Errorf("%s: refused: %v", name, refusals)
		}
		if test.says != "" && (len(refusals) != 1 || !strings.Contains(refusals[0], test.says)) {
			t.Errorf("%s: the refusals are %q, not one that says %q", name, refusals, test.says)
		}
	}
}
