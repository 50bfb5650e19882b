package infra_test

import (
	"slices"
	"strings"
	"testing"
)

// The tests of this file ask what the pipeline of the stage testing can reach in an account that also has the stage prod
// and other resources.

// bootstraps are names that an administrator may give the stack of infra/bootstrap.yaml; some look like a stage.
var bootstraps = []string{"vicihook-bootstrap-testing", "vicihook-testing", "vicihook-testing-x", "vicihook-testing-FunctionRole-x", "x"}

// fullBootstrap has the parameters that allow the most.
func fullBootstrap(t *testing.T, stage, stack string) deployment {
	t.Helper()
	return deployed(t, "bootstrap.yaml", stack, map[string]string{
		"Stage": stage, "Repository": "owner/name", "AllowFixedAddresses": "true", "AllowOwnNetwork": "true",
		"ApiId": "testing000", "DomainName": stage + ".example.com", "HostedZoneId": "Z1",
		"WebhookSecretArn": secretOf("brought/" + stage + "/keys"), "VICIdialSecretArn": secretOf("brought/" + stage + "/account"),
		"KmsKeyArn": arn("kms", "key/"+stage),
	})
}

func arn(service, rest string) string {
	return strings.Join([]string{"arn", "aws", service, region, account, rest}, ":")
}

func secretOf(name string) string { return arn("secretsmanager", "secret:"+name+"-AbCdEf") }
func api(path string) string      { return "arn:aws:apigateway:" + region + "::" + path }
func role(path string) string     { return "arn:aws:iam::" + account + ":role/" + path }

// made are the condition keys of a resource created by a stack; only CloudFormation can set this tag.
func made(stack string) map[string][]string {
	return map[string][]string{"aws:ResourceTag/aws:cloudformation:stack-name": {stack}}
}

// bounded are the condition keys of a call that sets the boundary of the stage on a role.
func bounded() map[string][]string {
	return map[string][]string{"iam:PermissionsBoundary": {"<Boundary>"}}
}

// foreign are resources of prod, of another stack, and of no stack.
func foreign() (calls []call) {
	both := func(keys map[string][]string, resource string, actions ...string) {
		for _, action := range actions {
			calls = append(calls, call{action, resource, keys})
		}
	}
	secrets := []string{"GetSecretValue", "DescribeSecret", "PutSecretValue", "UpdateSecret", "DeleteSecret", "PutResourcePolicy", "UntagResource"}
	for _, action := range secrets {
		both(made("vicihook-prod"), secretOf("WebhookSecret-a1B2c3D4e5F6"), "secretsmanager:"+action)
		both(made("vicihook-prod"), secretOf("VICIdialSecret-a1B2c3D4e5F6"), "secretsmanager:"+action)
		both(made("vicihook-testing-x"), secretOf("WebhookSecret-a1B2c3D4e5F6"), "secretsmanager:"+action)
		both(nil, secretOf("WebhookSecret-by-hand"), "secretsmanager:"+action)
		both(nil, secretOf("brought/prod/keys"), "secretsmanager:"+action)
		both(nil, secretOf("payroll"), "secretsmanager:"+action)
	}
	both(made("vicihook-prod"), secretOf("WebhookSecret-a1B2c3D4e5F6"), "secretsmanager:TagResource")
	verbs := []string{"apigateway:GET", "apigateway:PATCH", "apigateway:DELETE", "apigateway:PUT", "apigateway:POST"}
	both(made("vicihook-prod"), api("/apis/prod000000"), verbs...)
	both(made("vicihook-prod"), api("/apis/prod000000/stages/$default"), verbs...)
	both(nil, api("/apis/prod000000/routes/r1"), verbs...)
	both(nil, api("/apis/prod000000/integrations"), verbs...)
	both(nil, api("/apis/prod000000/stages"), verbs...)
	both(made("vicihook-prod-RestFront-X"), api("/restapis/prod000000/stages/live"), append(verbs, "apigateway:SetWebACL")...)
	both(nil, api("/restapis/byhand0000"), verbs...)
	both(nil, api("/domainnames/prod.example.com"), verbs...)
	both(nil, api("/domainnames/prod.example.com/apimappings/m1"), verbs...)
	both(made("vicihook-prod"), api("/tags/arn%3Aaws%3Aapigateway"), "apigateway:PUT", "apigateway:DELETE")
	both(nil, api("/account"), verbs...)
	both(nil, arn("wafv2", "regional/webacl/vicihook-prod/1"), "wafv2:UpdateWebACL", "wafv2:DeleteWebACL")
	for _, network := range []map[string][]string{made("vicihook-prod-Network-X"), made("company-vpc"), nil} {
		both(network, arn("ec2", "vpc/vpc-1"), "ec2:DeleteVpc", "ec2:ModifyVpcAttribute", "ec2:CreateSubnet", "ec2:CreateTags", "ec2:DeleteTags")
		both(network, arn("ec2", "route-table/rtb-1"), "ec2:CreateRoute", "ec2:DeleteRoute", "ec2:ReplaceRoute", "ec2:AssociateRouteTable")
		both(network, arn("ec2", "security-group/sg-1"), "ec2:AuthorizeSecurityGroupEgress", "ec2:RevokeSecurityGroupEgress", "ec2:DeleteSecurityGroup", "ec2:AuthorizeSecurityGroupIngress")
		both(network, arn("ec2", "natgateway/nat-1"), "ec2:DeleteNatGateway")
		both(network, arn("ec2", "elastic-ip/eipalloc-1"), "ec2:ReleaseAddress", "ec2:DisassociateAddress", "ec2:CreateNatGateway")
		both(network, arn("ec2", "subnet/subnet-1"), "ec2:DeleteSubnet", "ec2:ModifySubnetAttribute", "ec2:CreateNatGateway")
	}
	roles := []string{
		"iam:PassRole", "iam:CreateRole", "iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy", "iam:DeleteRole", "iam:DeleteRolePolicy",
		"iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary", "iam:DeleteRolePermissionsBoundary", "iam:UpdateRole", "iam:TagRole",
	}
	both(bounded(), role("vicihook-prod-FunctionRole-A1"), roles...)
	both(bounded(), role("admin"), roles...)
	both(bounded(), role("vicihook-testing-admin"), roles...)
	both(nil, role("vicihook-testing-FunctionRole-A1"), "iam:CreateRole", "iam:PutRolePolicy") // without the boundary
	both(bounded(), role("vicihook-testing-FunctionRole-A1"), "iam:UpdateAssumeRolePolicy", "iam:AttachRolePolicy", "iam:DeleteRolePermissionsBoundary")
	both(nil, arn("lambda", "function:vicihook-prod-VicihookFunction-A1:live"), "lambda:InvokeFunction", "lambda:UpdateFunctionCode", "lambda:AddPermission")
	both(nil, arn("cloudformation", "stack/vicihook-prod/1"), "cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet", "cloudformation:DeleteStack")
	both(map[string][]string{"route53:ChangeResourceRecordSetsNormalizedRecordNames": {"prod.example.com"}},
		"arn:aws:route53:::hostedzone/Z1", "route53:ChangeResourceRecordSets")
	both(map[string][]string{"route53:ChangeResourceRecordSetsNormalizedRecordNames": {"testing.example.com", "prod.example.com"}},
		"arn:aws:route53:::hostedzone/Z1", "route53:ChangeResourceRecordSets")
	both(nil, arn("kms", "key/prod"), "kms:Decrypt", "kms:CreateGrant")
	both(nil, arn("sqs", "vicihook-prod-RedeliveryQueue-A1"), "sqs:ReceiveMessage", "sqs:SendMessage", "sqs:DeleteQueue", "sqs:SetQueueAttributes")
	both(map[string][]string{"lambda:FunctionArn": {arn("lambda", "function:vicihook-prod-VicihookFunction-A1")}},
		arn("lambda", "event-source-mapping:1"), "lambda:CreateEventSourceMapping", "lambda:UpdateEventSourceMapping", "lambda:DeleteEventSourceMapping")
	return calls
}

func TestPipelineRolesReachTheirOwnStageOnly(t *testing.T) {
	for _, stack := range bootstraps {
		d := fullBootstrap(t, "testing", stack)
		for name, allowed := range map[string]policy{
			"DeployRole": d.policyOf("DeployRole"), "CloudFormationRole": d.policyOf("CloudFormationRole", "NetworkPolicy"), "Boundary": d.policyOf("Boundary"),
		} {
			if len(allowed) < 5 {
				t.Fatalf("%s has %d statements", name, len(allowed))
			}
			for _, c := range foreign() {
				if allowed.allows(t, c) {
					t.Errorf("a bootstrap stack called %s: %s may %s on %s, %v", stack, name, c.action, c.resource, c.keys)
				}
			}
		}
	}
}

// The roles of the bootstrap stack have a path, whatever the name of the stack.
func TestBootstrapRolesCannotChangeThemselves(t *testing.T) {
	for _, stack := range bootstraps {
		d := fullBootstrap(t, "testing", stack)
		allowed := d.policyOf("CloudFormationRole", "NetworkPolicy")
		for _, name := range []string{"DeployRole", "CloudFormationRole"} {
			path := text(d.resolve(d.properties(name)["Path"]))
			own := role(strings.Trim(path, "/") + "/" + stack + "-" + name + "-A1")
			for _, action := range []string{"iam:PassRole", "iam:PutRolePolicy", "iam:UpdateRole", "iam:DeleteRole", "iam:CreateRole", "iam:TagRole"} {
				keys := bounded()
				keys["iam:PassedToService"] = []string{"lambda.amazonaws.com"}
				if allowed.allows(t, call{action, own, keys}) {
					t.Errorf("a bootstrap stack called %s: CloudFormationRole may %s on %s", stack, action, own)
				}
			}
		}
	}
}

// own are the calls that deploying, changing and removing the stage takes.
func own() (calls []call) {
	both := func(keys map[string][]string, resource string, actions ...string) {
		for _, action := range actions {
			calls = append(calls, call{action, resource, keys})
		}
	}
	mine, network, front := made("vicihook-testing"), made("vicihook-testing-Network-X"), made("vicihook-testing-RestFront-X")
	both(nil, secretOf("WebhookSecret-a1B2c3D4e5F6"), "secretsmanager:CreateSecret", "secretsmanager:TagResource")
	both(mine, secretOf("WebhookSecret-a1B2c3D4e5F6"), "secretsmanager:GetSecretValue", "secretsmanager:UpdateSecret", "secretsmanager:DeleteSecret")
	both(nil, api("/apis"), "apigateway:POST", "apigateway:PUT")
	both(mine, api("/apis/testing000"), "apigateway:GET", "apigateway:PATCH", "apigateway:PUT", "apigateway:DELETE")
	both(nil, api("/apis/testing000/routes/r1"), "apigateway:GET", "apigateway:PATCH", "apigateway:DELETE")
	both(nil, api("/apis/testing000/stages"), "apigateway:POST")
	both(nil, api("/restapis"), "apigateway:POST")
	both(front, api("/restapis/testing000/stages/live"), "apigateway:PATCH", "apigateway:SetWebACL", "apigateway:DELETE")
	both(nil, api("/restapis/testing000/stages/live"), "wafv2:AssociateWebACL")
	both(nil, arn("wafv2", "regional/webacl/vicihook-testing/1"), "wafv2:CreateWebACL", "wafv2:AssociateWebACL", "wafv2:DeleteWebACL")
	both(nil, api("/domainnames"), "apigateway:POST")
	both(nil, api("/domainnames/testing.example.com"), "apigateway:GET", "apigateway:DELETE", "apigateway:AddCertificateToDomain")
	both(map[string][]string{"route53:ChangeResourceRecordSetsNormalizedRecordNames": {"testing.example.com"}},
		"arn:aws:route53:::hostedzone/Z1", "route53:ChangeResourceRecordSets")
	both(nil, arn("ec2", "vpc/vpc-1"), "ec2:CreateVpc")
	both(network, arn("ec2", "vpc/vpc-1"), "ec2:CreateSubnet", "ec2:AttachInternetGateway", "ec2:DeleteVpc", "ec2:ModifyVpcAttribute")
	both(nil, arn("ec2", "subnet/subnet-1"), "ec2:CreateSubnet")
	both(nil, arn("ec2", "natgateway/nat-1"), "ec2:CreateNatGateway")
	both(network, arn("ec2", "subnet/subnet-1"), "ec2:CreateNatGateway", "ec2:AssociateRouteTable")
	both(network, arn("ec2", "elastic-ip/eipalloc-1"), "ec2:CreateNatGateway", "ec2:ReleaseAddress")
	both(map[string][]string{"ec2:CreateAction": {"CreateVpc"}}, arn("ec2", "vpc/vpc-1"), "ec2:CreateTags")
	both(bounded(), role("vicihook-testing-FunctionRole-A1"), "iam:CreateRole", "iam:PutRolePolicy", "iam:DeleteRole", "iam:GetRole")
	both(map[string][]string{"iam:PassedToService": {"lambda.amazonaws.com"}}, role("vicihook-testing-FunctionRole-A1"), "iam:PassRole")
	both(map[string][]string{"iam:PassedToService": {"codedeploy.amazonaws.com"}}, role("vicihook-testing-DeploymentRole-A1"), "iam:PassRole")
	both(nil, arn("lambda", "function:vicihook-testing-VicihookFunction-A1"), "lambda:CreateFunction", "lambda:UpdateFunctionCode", "lambda:PublishVersion")
	both(nil, arn("sqs", "vicihook-testing-RedeliveryQueue-A1"), "sqs:CreateQueue", "sqs:SetQueueAttributes", "sqs:DeleteQueue")
	both(map[string][]string{"lambda:FunctionArn": {arn("lambda", "function:vicihook-testing-VicihookFunction-A1")}},
		arn("lambda", "event-source-mapping:1"), "lambda:CreateEventSourceMapping", "lambda:DeleteEventSourceMapping")
	both(nil, arn("cloudformation", "stack/vicihook-testing-RestFront-X/1"), "cloudformation:CreateStack", "cloudformation:DeleteStack")
	both(nil, arn("cloudformation", "stack/vicihook-testing-Network-X/1"), "cloudformation:CreateStack")
	return calls
}

func TestCloudFormationRoleMayDeployAndRemoveItsStage(t *testing.T) {
	allowed := fullBootstrap(t, "testing", "vicihook-bootstrap-testing").policyOf("CloudFormationRole", "NetworkPolicy")
	for _, c := range own() {
		if !allowed.allows(t, c) {
			t.Errorf("CloudFormationRole may not %s on %s, %v", c.action, c.resource, c.keys)
		}
	}
	without := deployed(t, "bootstrap.yaml", "x", map[string]string{"Stage": "testing", "Repository": "owner/name"})
	first := call{"apigateway:POST", api("/apis/testing000/stages"), nil}
	if !without.policyOf("CloudFormationRole").allows(t, first) {
		t.Error("the first deployment, before ApiId is known, may not make the API's stage")
	}
}

func TestTheBoundaryAllowsTheStagesSecretsOnly(t *testing.T) {
	brought := fullBootstrap(t, "testing", "x").policyOf("Boundary")
	for _, c := range []call{
		{"secretsmanager:GetSecretValue", secretOf("WebhookSecret-a1B2c3D4e5F6"), made("vicihook-testing")},
		{"secretsmanager:GetSecretValue", secretOf("VICIdialSecret-a1B2c3D4e5F6"), made("vicihook-testing")},
		{"secretsmanager:GetSecretValue", secretOf("brought/testing/keys"), nil},
		{"secretsmanager:GetSecretValue", secretOf("brought/testing/account"), nil},
		{"ec2:CreateNetworkInterface", "*", nil},
	} {
		if !brought.allows(t, c) {
			t.Errorf("a role of the stack may not %s on %s", c.action, c.resource)
		}
	}
	inLambda := map[string][]string{"lambda:SourceFunctionArn": {arn("lambda", "function:vicihook-testing-VicihookFunction-A1")}}
	if brought.allows(t, call{"ec2:DeleteNetworkInterface", "*", inLambda}) {
		t.Error("the function's code may delete network interfaces")
	}
	alone := deployed(t, "bootstrap.yaml", "x", map[string]string{"Stage": "testing", "Repository": "owner/name"}).policyOf("Boundary")
	if alone.allows(t, call{"secretsmanager:GetSecretValue", secretOf("brought/testing/keys"), nil}) {
		t.Error("a secret that was not named may be read")
	}
	if slices.ContainsFunc(foreign(), func(c call) bool { return alone.allows(t, c) }) {
		t.Error("the boundary reaches what is not the stage's")
	}
}
