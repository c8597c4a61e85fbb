/**
 * Where tasks run: public subnets in two zones and no NAT gateway, which would cost more than the calls. Media and requests go
 * out; nothing comes in uninvited, not even from the same network.
 */
export const createNetwork = (): { cluster: sst.aws.Cluster } => {
  const vpc = new sst.aws.Vpc("Network", {
    az: 2,
    transform: {
      securityGroup: (args) => {
        args.ingress = [];
        return undefined;
      },
    },
  });
  return { cluster: new sst.aws.Cluster("Cluster", { vpc }) };
};
