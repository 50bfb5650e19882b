package infra_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// onAnything are the actions that may be allowed on "*", each with its reason: they take no resource, or the resource has
// no name before it exists.
var onAnything = map[string]string{
	"xray:PutTraceSegments": "no resource", "xray:PutTelemetryRecords": "no resource",
	"codedeploy:StopDeployment": "no resource", "secretsmanager:GetRandomPassword": "no resource",
	"sns:Unsubscribe": "no resource", "sns:GetSubscriptionAttributes": "no resource", "sns:SetSubscriptionAttributes": "no resource",
	"logs:CreateLogDelivery": "no resource", "logs:DeleteLogDelivery": "no resource", "logs:GetLogDelivery": "no resource",
	"logs:ListLogDeliveries": "no resource", "logs:UpdateLogDelivery": "no resource",
	"logs:PutQueryDefinition": "no resource", "logs:DeleteQueryDefinition": "no resource", "logs:DescribeQueryDefinitions": "no resource",
	"logs:DescribeLogGroups": "no resource", "logs:DescribeIndexPolicies": "no resource",
	"logs:DescribeResourcePolicies": "no resource", "logs:PutResourcePolicy": "no resource",
	"lambda:CreateEventSourceMapping": "random id; lambda:FunctionArn bounds it", "lambda:DeleteEventSourceMapping": "as before",
	"lambda:GetEventSourceMapping": "as before", "lambda:UpdateEventSourceMapping": "as before",
	"ec2:": "interfaces have random ids, and descriptions take no resource; asked for only with a network",
}

// statements returns all statements of a role or managed policy, with both branches of each condition.
func statements(properties object) (all []object) {
	visit(properties, func(o object) {
		if effect, _ := o["Effect"].(string); effect != "" && o["Action"] != nil {
			all = append(all, o)
		}
	})
	return all
}

func TestNoUnexplainedWildcardResource(t *testing.T) {
	for _, path := range templates {
		c := readTemplate(t, path)
		for name, resource := range c.Resources {
			kind := at(resource)["Type"]
			if kind != "AWS::IAM::Role" && kind != "AWS::IAM::ManagedPolicy" {
				continue
			}
			if c.properties(name)["ManagedPolicyArns"] != nil {
				t.Errorf("%s: %s takes managed policies, which allow more than it needs", path, name)
			}
			for _, statement := range statements(c.properties(name)) {
				if statement["Effect"] == "Allow" {
					checkAllowed(t, path+": "+name, statement)
				}
			}
		}
	}
}

func checkAllowed(t *testing.T, where string, statement object) {
	t.Helper()
	anywhere := slices.Contains(texts(statement["Resource"]), "*")
	for _, action := range texts(statement["Action"]) {
		if strings.Contains(action, "*") {
			t.Errorf("%s allows %s", where, action)
		}
		service, _, _ := strings.Cut(action, ":")
		if anywhere && onAnything[action] == "" && onAnything[service+":"] == "" {
			t.Errorf(`%s allows %s on "*"`, where, action)
		}
	}
	if statement["NotAction"] != nil || statement["NotResource"] != nil {
		t.Errorf("%s allows all but something", where)
	}
}

func TestTheFunctionsPermissions(t *testing.T) {
	c := readTemplate(t, "../template.yaml")
	want := map[string]any{
		"secretsmanager:GetSecretValue": []any{
			object{"Fn::If": []any{"MakesWebhookSecret", object{"Ref": "WebhookSecret"}, object{"Ref": "WebhookSecretArn"}}},
			object{"Fn::If": []any{"MakesVICIdialSecret", object{"Ref": "VICIdialSecret"}, object{"Ref": "VICIdialSecretArn"}}},
		},
		"logs:PutLogEvents":    object{"Fn::GetAtt": []any{"FunctionLogGroup", "Arn"}},
		"logs:CreateLogStream": object{"Fn::GetAtt": []any{"FunctionLogGroup", "Arn"}},
	}
	for _, statement := range statements(c.properties("FunctionRole")) {
		for _, action := range texts(statement["Action"]) {
			if resource, named := want[action]; named {
				if !reflect.DeepEqual(statement["Resource"], resource) {
					t.Errorf("%s is allowed on %v, not %v", action, statement["Resource"], resource)
				}
				delete(want, action)
			} else if strings.HasPrefix(action, "secretsmanager:") || strings.HasPrefix(action, "logs:") {
				t.Errorf("the function may %s", action)
			}
			if key := (object{"Ref": "KmsKeyArn"}); strings.HasPrefix(action, "kms:") && !reflect.DeepEqual(statement["Resource"], any(key)) {
				t.Errorf("%s is allowed on %v", action, statement["Resource"])
			}
		}
	}
	for action := range want {
		t.Errorf("the function may not %s", action)
	}
}

func TestEveryRoleHasThePermissionsBoundary(t *testing.T) {
	c := readTemplate(t, "../template.yaml")
	want := object{"Fn::If": []any{"HasBoundary", object{"Ref": "PermissionsBoundaryArn"}, object{"Ref": "AWS::NoValue"}}}
	for _, name := range c.ofType(t, "AWS::IAM::Role") {
		if got := c.properties(name)["PermissionsBoundary"]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s has the boundary %v", name, got)
		}
	}
	if !reflect.DeepEqual(function(t)["Role"], object{"Fn::GetAtt": []any{"FunctionRole", "Arn"}}) ||
		!reflect.DeepEqual(at(function(t), "DeploymentPreference")["Role"], object{"Fn::GetAtt": []any{"DeploymentRole", "Arn"}}) {
		t.Error("SAM would make a role of its own, without boundary and with broad managed policies")
	}
}

// ForAllValues is true when the claim is absent; StringLike with a star matches every branch and fork.
func TestDeployRoleTrustsExactAudienceAndSubject(t *testing.T) {
	c := readTemplate(t, "bootstrap.yaml")
	trust := statements(at(c.properties("DeployRole")["AssumeRolePolicyDocument"]))
	want := object{"StringEquals": object{
		"token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
		"token.actions.githubusercontent.com:sub": object{"Fn::Sub": "repo:${Repository}:environment:${Stage}"},
	}}
	if len(trust) != 1 || !reflect.DeepEqual(trust[0]["Condition"], any(want)) {
		t.Errorf("the role is trusted as %v", trust)
	}
	if takes(t, at(c.Parameters, "Repository"), "owner/*") {
		t.Error("a repository may hold a star")
	}
	if clients := c.properties("OidcProvider")["ClientIdList"]; !reflect.DeepEqual(clients, []any{"sts.amazonaws.com"}) {
		t.Errorf("the provider's audience is %v", clients)
	}
}

func TestCloudFormationRoleCreatesRolesWithTheBoundaryOnly(t *testing.T) {
	c := readTemplate(t, "bootstrap.yaml")
	bounded := object{"StringEquals": object{"iam:PermissionsBoundary": object{"Ref": "Boundary"}}}
	for _, statement := range statements(c.properties("CloudFormationRole")) {
		for _, action := range texts(statement["Action"]) {
			switch action {
			case "iam:CreateRole", "iam:PutRolePolicy", "iam:PutRolePermissionsBoundary":
				if !reflect.DeepEqual(statement["Condition"], any(bounded)) {
					t.Errorf("%s is allowed without the boundary", action)
				}
			case "iam:AttachRolePolicy", "iam:DeleteRolePermissionsBoundary":
				t.Errorf("%s is allowed", action)
			case "iam:PassRole":
				if at(statement, "Condition", "StringEquals")["iam:PassedToService"] == nil {
					t.Error("any service may get a role of the stack")
				}
			}
		}
	}
}
