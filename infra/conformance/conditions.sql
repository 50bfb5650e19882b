-- The conditions of the scenarios: statements for VICIdial's database below the name of what they bring about.
-- "reset" brings back what works.

-- = reset
RENAME TABLE vicidial_manager_away TO vicidial_manager;
SET GLOBAL sql_mode='NO_ENGINE_SUBSTITUTION';
TRUNCATE vicidial_auto_calls;
TRUNCATE vicidial_live_agents;
TRUNCATE vicidial_manager;
TRUNCATE vicidial_users;
TRUNCATE vicidial_list;
TRUNCATE servers;
DELETE FROM vicidial_user_groups;
TRUNCATE vicidial_api_log;
TRUNCATE vicidial_api_urls;
DELETE FROM vicidial_languages;
DELETE FROM vicidial_language_phrases;
TRUNCATE vicidial_ip_lists;
TRUNCATE vicidial_ip_list_entries;
INSERT INTO vicidial_user_groups SET user_group='ADMIN', group_name='admin',
    allowed_campaigns=' -ALL-CAMPAIGNS- - -', agent_status_viewable_groups=' --ALL-GROUPS-- ',
    admin_viewable_groups=' ---ALL--- ';
INSERT INTO vicidial_user_groups SET user_group='AGENTS', group_name='agents',
    allowed_campaigns=' -ALL-CAMPAIGNS- - -', agent_status_viewable_groups=' AGENTS ',
    admin_viewable_groups=' AGENTS ';
INSERT INTO servers SET server_id='ast', server_description='ast', server_ip='10.0.0.9', active='Y',
    active_asterisk_server='Y';
UPDATE system_settings SET vdc_agent_api_active='1', enable_queuemetrics_logging='0', webroot_writable='0',
    pass_hash_enabled='0', enable_languages='0', allow_ip_lists='0';
INSERT INTO vicidial_users SET user='6666', pass='S3cret', full_name='api', user_level=1, user_group='ADMIN',
    active='Y', vdc_agent_api_access='1', api_allowed_functions=' ra_call_control ', view_reports='0';
INSERT INTO vicidial_users SET user='lookup', pass='L00kup77', full_name='lookup', user_level=7, user_group='ADMIN',
    active='Y', vdc_agent_api_access='1', api_allowed_functions=' agent_status logged_in_agents ', view_reports='1';

-- = wrong password
UPDATE vicidial_users SET pass='0ther' WHERE user='6666';

-- = inactive account
UPDATE vicidial_users SET active='N' WHERE user='6666';

-- = account of level 0
UPDATE vicidial_users SET user_level=0 WHERE user='6666';

-- = no agent API access
UPDATE vicidial_users SET vdc_agent_api_access='0' WHERE user='6666';

-- = function not allowed
UPDATE vicidial_users SET api_allowed_functions=' version ' WHERE user='6666';

-- = agent API off
UPDATE system_settings SET vdc_agent_api_active='0';

-- = account locked
UPDATE vicidial_users SET failed_login_count=10, last_login_date=NOW() WHERE user='6666';

-- = address not in the IP list
UPDATE system_settings SET allow_ip_lists='1';
UPDATE vicidial_user_groups SET api_ip_list='office' WHERE user_group='ADMIN';
INSERT INTO vicidial_ip_lists SET ip_list_id='office', ip_list_name='office', active='Y', user_group='---ALL---';
INSERT INTO vicidial_ip_list_entries SET ip_list_id='office', ip_address='203.0.113.7';

-- = no active server
UPDATE servers SET active_asterisk_server='N';

-- = agent logged off
DELETE FROM vicidial_live_agents WHERE user='1028';

-- = call ended
DELETE FROM vicidial_auto_calls;

-- = strict SQL
SET GLOBAL sql_mode='STRICT_ALL_TABLES';

-- = QueueMetrics down
UPDATE system_settings SET enable_queuemetrics_logging='1', queuemetrics_server_ip='127.0.0.1',
    queuemetrics_dbname='none', queuemetrics_login='none', queuemetrics_pass='none', queuemetrics_log_id='x';

-- = manager table missing
RENAME TABLE vicidial_manager TO vicidial_manager_away;

-- = lookup of level 6
UPDATE vicidial_users SET user_level=6 WHERE user='lookup';

-- = lookup without reports
UPDATE vicidial_users SET view_reports='0' WHERE user='lookup';

-- = lookup without API access
UPDATE vicidial_users SET vdc_agent_api_access='0' WHERE user='lookup';

-- = lookup without function
UPDATE vicidial_users SET api_allowed_functions=' version ' WHERE user='lookup';

-- = lookup group can't view
UPDATE vicidial_user_groups SET agent_status_viewable_groups=' OTHERS ' WHERE user_group='ADMIN';
UPDATE vicidial_user_groups SET admin_viewable_groups=' OTHERS ' WHERE user_group='ADMIN';

-- = lookup password wrong
UPDATE vicidial_users SET pass='0ther' WHERE user='lookup';

-- = line without a user
DELETE FROM vicidial_users WHERE user='1028';

-- = call dead in the list
DELETE FROM vicidial_auto_calls;

-- = account in another language
UPDATE system_settings SET enable_languages='1', language_method='MYSQL';
INSERT INTO vicidial_languages SET language_id='es', language_code='es', language_description='es',
    user_group='---ALL---', active='Y';
INSERT INTO vicidial_language_phrases SET language_id='es', english_text='SUCCESS',
    translated_text='OPERACION CORRECTA', source='x';
UPDATE vicidial_users SET selected_language='es' WHERE user='6666';
