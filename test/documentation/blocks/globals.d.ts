/** The documentation's listeners read a variable that does not exist: a listener that throws, as users' do. */
declare const event: unknown;
