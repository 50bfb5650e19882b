package infra_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"reflect"
	"slices"
	"testing"
)

// Most senders drop a delivery that is answered without Retry-After.
func TestRestGatewayResponsesHaveAnOutcomeAndRetryAfter(t *testing.T) {
	responses := at(readTemplate(t, "rest.yaml").properties("Api"), "Body", "x-amazon-apigateway-gateway-responses")
	for _, kind := range []string{"THROTTLED", "WAF_FILTERED", "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT", "DEFAULT_5XX"} {
		response := at(responses, kind)
		if response["statusCode"] != "503" || at(response["responseParameters"])["gatewayresponse.header.Retry-After"] != "'30'" {
			t.Errorf("%s is answered %v %v", kind, response["statusCode"], response["responseParameters"])
		}
		var body map[string]string
		if err := json.Unmarshal([]byte(text(at(response["responseTemplates"])["application/json"])), &body); err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if body["outcome"] != "unavailable" || body["message"] == "" || body["request_id"] != "$context.requestId" {
			t.Errorf("%s is answered with %v", kind, body)
		}
	}
}

func TestRestFrontPassesBytesAndLimitsEachAddress(t *testing.T) {
	c := readTemplate(t, "rest.yaml")
	if types := c.properties("Api")["BinaryMediaTypes"]; !reflect.DeepEqual(types, []any{"*/*"}) {
		t.Errorf("bodies other than %v pass as text", types)
	}
	paths := at(c.properties("Api"), "Body", "paths")
	integration := at(paths, "/webhooks/{source}", "post", "x-amazon-apigateway-integration")
	if len(paths) != 1 || integration["type"] != "aws_proxy" || integration["timeoutInMillis"] != "15000" {
		t.Errorf("the API has %v", paths)
	}
	settings := at(list(c.properties("Stage")["MethodSettings"])[0])
	for _, limit := range []string{"RateLimit", "BurstLimit"} {
		if !reflect.DeepEqual(settings["Throttling"+limit], object{"Ref": limit}) {
			t.Errorf("the stage is not throttled by %s: %v", limit, settings)
		}
	}
	rule := at(list(c.properties("WebAcl")["Rules"])[0])
	if at(rule, "Statement", "RateBasedStatement")["AggregateKeyType"] != "IP" || at(rule["Action"])["Block"] == nil {
		t.Errorf("the web ACL's rule is %v", rule)
	}
}

// The metric filters and the parameters must work for both fronts.
func TestBothFrontsLogAndThrottleAlike(t *testing.T) {
	rest, stack := readTemplate(t, "rest.yaml"), readTemplate(t, "../template.yaml")
	fields := func(log object) (names []string) {
		var all map[string]string
		if err := json.Unmarshal([]byte(text(log["Format"])), &all); err != nil {
			t.Fatal(err)
		}
		for name := range all {
			names = append(names, name)
		}
		slices.Sort(names)
		return names
	}
	one := fields(at(rest.properties("Stage")["AccessLogSetting"]))
	if other := fields(at(stack.properties("WebhookApi")["AccessLogSettings"])); !slices.Equal(one, other) {
		t.Errorf("the access logs have the fields\n%v and\n%v", one, other)
	}
	for _, name := range []string{"RateLimit", "BurstLimit", "AddressLimit"} {
		for _, bound := range []string{"Default", "MinValue", "MaxValue"} {
			if here, there := at(rest.Parameters, name)[bound], at(stack.Parameters, name)[bound]; here != there {
				t.Errorf("%s of %s is %v in rest.yaml and %v in template.yaml", bound, name, here, there)
			}
		}
	}
}

// API Gateway serves a snapshot, so a changed API needs a new deployment.
func TestAChangedRestAPIGetsANewDeployment(t *testing.T) {
	c := readTemplate(t, "rest.yaml")
	api, err := json.Marshal(c.properties("Api"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(api)
	want := "Deployment" + hex.EncodeToString(sum[:4])
	if got := c.ofType(t, "AWS::ApiGateway::Deployment"); !slices.Equal(got, []string{want}) {
		t.Errorf("the deployment is called %v: the API as it is now needs %s, in both places", got, want)
	}
	if !reflect.DeepEqual(c.properties("Stage")["DeploymentId"], object{"Ref": want}) {
		t.Errorf("the stage serves %v", c.properties("Stage")["DeploymentId"])
	}
}

func TestOnlyTheChosenFrontIsOpen(t *testing.T) {
	for front, closed := range map[string]string{"http": "false", "rest": "true"} {
		d := deployed(t, "../template.yaml", "vicihook", map[string]string{"Front": front})
		if got := d.resolve(d.properties("WebhookApi")["DisableExecuteApiEndpoint"]); got != closed {
			t.Errorf("front %s: the HTTP API's address is closed: %v", front, got)
		}
		if made := d.resolve(d.Conditions[text(at(d.Resources, "RestFront")["Condition"])]); made != (front == "rest") {
			t.Errorf("front %s: the REST API is made: %v", front, made)
		}
	}
}
