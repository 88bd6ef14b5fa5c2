"""Definitions of clusters, each written twice: as the `spec` of a manifest, in the ways that people write
YAML, and in the types of the official SDK.
"""

from databricks.sdk.service.compute import (
    AutoScale, AwsAttributes, AwsAvailability, AzureAttributes, AzureAvailability, ClientsTypes,
    ClusterLogConf, ClusterSpec, DataSecurityMode, DockerBasicAuth, DockerImage, EbsVolumeType,
    GcpAttributes, GcpAvailability, InitScriptInfo, Kind, LogAnalyticsInfo, NodeTypeFlexibility,
    RuntimeEngine, S3StorageInfo, VolumesStorageInfo, WorkloadType, WorkspaceStorageInfo)

AWS = ("""
    autoscale: {min_workers: 1, max_workers: 4}
    autotermination_minutes: 90
    aws_attributes:
      availability: SPOT
      ebs_volume_count: 2
      ebs_volume_iops: 3000
      ebs_volume_size: 200
      ebs_volume_throughput: 250
      ebs_volume_type: GENERAL_PURPOSE_SSD
      first_on_demand: 1
      instance_profile_arn: arn:aws:iam::123456789012:instance-profile/etl
      spot_bid_price_percent: 80
      zone_id: us-east-1b
    cluster_log_conf: {s3: {destination: "s3://logs/etl", region: us-east-1, enable_encryption: true}}
    cluster_name: Nightly ETL
    custom_tags: {team: data, cost-centre: "4711", "a.b:c/d": x=y+z@w}
    data_security_mode: SINGLE_USER
    docker_image:
      url: acme/etl:1.4.2
      basic_auth: {username: {fromEnv: REGISTRY_USER}, password: {fromEnv: REGISTRY_PASSWORD}}
    driver_node_type_flexibility: {alternate_node_type_ids: [m5d.xlarge]}
    driver_node_type_id: i3.2xlarge
    enable_elastic_disk: true
    enable_local_disk_encryption: false
    init_scripts:
    - workspace: {destination: /Shared/init/agent.sh}
    - volumes: {destination: /Volumes/main/etl/init/agent.sh}
    - s3: {destination: s3://init/agent.sh, region: us-east-1}
    node_type_id: i3.xlarge
    runtime_engine: STANDARD
    single_user_name: etl@example.com
    spark_conf:
      spark.speculation: true
      spark.sql.shuffle.partitions: 64
      spark.memory.fraction: 0.75
      spark.databricks.secret: "{{secrets/etl/key}}"
      spark.text: "a: 'b' # \\"c\\"\\n\\td"
    spark_env_vars: {STAGE: production, EMPTY: "", PATH: $PATH:/opt/bin, NUMBER: "007"}
    spark_version: 15.4.x-scala2.12
    ssh_public_keys: [ssh-ed25519 AAAA etl]
    worker_node_type_flexibility: {alternate_node_type_ids: [m5d.large, r5d.xlarge]}
    workload_type: {clients: {jobs: true, notebooks: false}}
""", ClusterSpec(
    autoscale=AutoScale(min_workers=1, max_workers=4),
    autotermination_minutes=90,
    aws_attributes=AwsAttributes(
        availability=AwsAvailability.SPOT, ebs_volume_count=2, ebs_volume_iops=3000,
        ebs_volume_size=200, ebs_volume_throughput=250,
        ebs_volume_type=EbsVolumeType.GENERAL_PURPOSE_SSD, first_on_demand=1,
        instance_profile_arn="arn:aws:iam::123456789012:instance-profile/etl",
        spot_bid_price_percent=80, zone_id="us-east-1b"),
    cluster_log_conf=ClusterLogConf(s3=S3StorageInfo("s3://logs/etl", region="us-east-1",
                                                     enable_encryption=True)),
    cluster_name="Nightly ETL",
    custom_tags={"team": "data", "cost-centre": "4711", "a.b:c/d": "x=y+z@w"},
    data_security_mode=DataSecurityMode.SINGLE_USER,
    docker_image=DockerImage(url="acme/etl:1.4.2",
                             basic_auth=DockerBasicAuth(username="robot", password="p\"ss\\wörd")),
    driver_node_type_flexibility=NodeTypeFlexibility(["m5d.xlarge"]),
    driver_node_type_id="i3.2xlarge",
    enable_elastic_disk=True,
    enable_local_disk_encryption=False,
    init_scripts=[
        InitScriptInfo(workspace=WorkspaceStorageInfo("/Shared/init/agent.sh")),
        InitScriptInfo(volumes=VolumesStorageInfo("/Volumes/main/etl/init/agent.sh")),
        InitScriptInfo(s3=S3StorageInfo("s3://init/agent.sh", region="us-east-1"))],
    node_type_id="i3.xlarge",
    runtime_engine=RuntimeEngine.STANDARD,
    single_user_name="etl@example.com",
    spark_conf={"spark.speculation": "true", "spark.sql.shuffle.partitions": "64",
                "spark.memory.fraction": "0.75", "spark.databricks.secret": "{{secrets/etl/key}}",
                "spark.text": "a: 'b' # \"c\"\n\td"},
    spark_env_vars={"STAGE": "production", "EMPTY": "", "PATH": "$PATH:/opt/bin", "NUMBER": "007"},
    spark_version="15.4.x-scala2.12",
    ssh_public_keys=["ssh-ed25519 AAAA etl"],
    worker_node_type_flexibility=NodeTypeFlexibility(["m5d.large", "r5d.xlarge"]),
    workload_type=WorkloadType(ClientsTypes(jobs=True, notebooks=False))))

AZURE = ("""
    azure_attributes:
      availability: SPOT_WITH_FALLBACK_AZURE
      capacity_reservation_group: /subscriptions/1/groups/2
      first_on_demand: 2
      spot_bid_max_price: 0.25
      log_analytics_info:
        log_analytics_workspace_id: "1"
        log_analytics_primary_key: {fromEnv: ANALYTICS_KEY}
    docker_image: {url: acme/etl:1.0}
    data_security_mode: NONE
    node_type_id: Standard_DS3_v2
    num_workers: 2
    spark_version: 15.4.x-scala2.12
""", ClusterSpec(
    azure_attributes=AzureAttributes(
        availability=AzureAvailability.SPOT_WITH_FALLBACK_AZURE,
        capacity_reservation_group="/subscriptions/1/groups/2", first_on_demand=2,
        spot_bid_max_price=0.25,
        log_analytics_info=LogAnalyticsInfo(log_analytics_workspace_id="1",
                                            log_analytics_primary_key="k3y")),
    cluster_name="etl", data_security_mode=DataSecurityMode.NONE,
    docker_image=DockerImage(url="acme/etl:1.0"), node_type_id="Standard_DS3_v2", num_workers=2,
    spark_version="15.4.x-scala2.12"))

GCP = ("""
    autotermination_minutes: 0
    docker_image: {url: acme/etl:1.0}
    gcp_attributes:
      availability: PREEMPTIBLE_WITH_FALLBACK_GCP
      boot_disk_size: 100
      first_on_demand: 1
      google_service_account: etl@acme.iam.gserviceaccount.com
      local_ssd_count: 0
      zone_id: us-central1-b
    is_single_node: true
    kind: CLASSIC_PREVIEW
    node_type_id: n2-highmem-4
    remote_disk_throughput: 400
    spark_version: 15.4.x-scala2.12
    total_initial_remote_disk_size: 500
""", ClusterSpec(
    autotermination_minutes=0, cluster_name="etl", docker_image=DockerImage(url="acme/etl:1.0"),
    gcp_attributes=GcpAttributes(
        availability=GcpAvailability.PREEMPTIBLE_WITH_FALLBACK_GCP, boot_disk_size=100,
        first_on_demand=1, google_service_account="etl@acme.iam.gserviceaccount.com",
        local_ssd_count=0, zone_id="us-central1-b"),
    is_single_node=True, kind=Kind.CLASSIC_PREVIEW, node_type_id="n2-highmem-4",
    remote_disk_throughput=400, spark_version="15.4.x-scala2.12",
    total_initial_remote_disk_size=500))

POOL = ("""
    apply_policy_default_values: true
    data_security_mode: DATA_SECURITY_MODE_DEDICATED
    docker_image: {url: acme/etl:1.0}
    driver_instance_pool_id: 0101-000000-driver-pool-1
    instance_pool_id: 0101-000000-workers-pool-1
    num_workers: 2
    policy_id: ABC123DEF456
    spark_version: 15.4.x-scala2.12
""", ClusterSpec(
    apply_policy_default_values=True, cluster_name="etl",
    data_security_mode=DataSecurityMode.DATA_SECURITY_MODE_DEDICATED,
    docker_image=DockerImage(url="acme/etl:1.0"),
    driver_instance_pool_id="0101-000000-driver-pool-1",
    instance_pool_id="0101-000000-workers-pool-1", num_workers=2, policy_id="ABC123DEF456",
    spark_version="15.4.x-scala2.12"))

# Fields of ClusterSpec that do not go with a container on these runtimes.
NOT_TRIED = {"dependency_mode", "use_ml_runtime"}
